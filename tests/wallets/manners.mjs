// Tests for every wallet module that speaks HTTP, in any wire format: its options, the way of the credential, the texts
// that it shows, and the reports of its lookup.
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { mapStore } from "../runtimes/shop.js";
import { hides, openKit } from "./rows.mjs";
import { cut, endless, json, openStandIn, page, redirect, silent, text, truncated } from "./stand-in.mjs";

const HASH = "ab".repeat(32);
const PREIMAGE = "cd".repeat(32);
const invoice = { paymentRequest: "lnbcrt1invoice", paymentHash: HASH };
const context = (more) => ({ url: "https://a.b/", maxFeeMsat: 5000, signal: new AbortController().signal, ...more });

export function manners(world, kit) {
  const { name, key } = kit;
  const proof = { hash: HASH, preimage: PREIMAGE, feeMsat: 2000, amountMsat: 10_000 };
  const asked = {
    found: () => kit.found.paid(proof),
    none: () => kit.found.none({ hash: HASH }),
    pending: () => kit.found.pending({ hash: HASH }),
    failed: () => kit.found.failed({ hash: HASH }),
  };
  const invalid = (message) => (error) =>
    error instanceof world.pkg.L402Error && error.code === "invalid_options" && error.message === `${name}: ${message}`;
  const [secret] = [kit.secret].flat();

  /** A stand-in with these answers, and the wallet that asks it. */
  async function open(t, { pay, find, balance } = {}, more = {}) {
    const server = await openStandIn();
    t.after(() => server.close());
    if (pay) server.on(kit.routes.pay, pay);
    if (find) server.on(kit.routes.find, find);
    if (balance) server.on(kit.routes.balance, balance);
    return { server, wallet: kit.open(server.url, more) };
  }

  return {
    "options are checked at once, and the key is named"() {
      const good = kit.options("https://wallet.example.com");
      const open = (more) => kit.open("https://wallet.example.com", more);
      for (const options of [undefined, null, 5, "x"])
        assert.throws(() => kit.module(options), invalid(`options must be an object with url and ${key}`));
      for (const missing of ["url", key]) {
        const { [missing]: _, ...rest } = good;
        assert.throws(() => kit.module(rest), invalid(`${missing} is missing`));
        assert.throws(() => open({ [missing]: undefined }), invalid(`${missing} is missing`));
      }
      for (const bad of ["", 5, null, {}, "with\nnewline", ...kit.badSecrets]) {
        assert.throws(
          () => open({ [key]: bad }),
          (error) =>
            error.code === "invalid_options" &&
            error.message.startsWith(`${name}: ${key} must be `) &&
            !(bad && error.message.includes(bad)),
        );
      }
      assert.throws(() => open({ fetch: "x" }), invalid("fetch must be a function"));
      assert.throws(
        () => open({ ulr: "x" }),
        invalid(`ulr is not a known option: there are url, ${key}, fetch, insecure`),
      );
      assert.throws(() => open({ url: "wallet.example.com" }), invalid("url must be an absolute url"));
      assert.throws(
        () => open({ url: "ftp://wallet.example.com" }),
        invalid("url must begin with https:// or http://"),
      );
      assert.throws(
        () => open({ url: "https://user:hunter2@wallet.example.com" }),
        invalid("url must not hold a user or a password"),
      );
      for (const bad of [null, 1, "true", "http://"])
        assert.throws(() => open({ insecure: bad }), invalid("insecure must be true or false"));
      const plain =
        "url must be https: over plain http anybody on the network path could take the credential. In your own network, set insecure: true";
      const private_ = [
        "http://phoenixd:9740",
        "http://192.168.0.5:8080",
        "http://umbrel.local",
        "http://wallet.example.com",
      ];
      for (const url of [...private_, "http://localhost.example.com", "http://127.0.0.1.example.com"]) {
        assert.throws(() => open({ url }), invalid(plain));
        assert.throws(() => open({ url, insecure: false }), invalid(plain));
      }
      for (const url of private_) open({ url, insecure: true });
      assert.throws(
        () => open({ url: "ftp://umbrel.local", insecure: true }),
        invalid("url must begin with https:// or http://"),
      );
      for (const url of [
        "https://wallet.example.com",
        "http://localhost:8080",
        "http://127.1.2.3",
        "http://[::1]:80",
        "http://node.localhost",
        "http://abcdef.onion",
      ])
        open({ url });
    },

    async "with insecure it pays over plain http in a private network"(t) {
      const { server } = await open(t, { pay: () => kit.paid(proof) });
      // A host name of such a network. Only its own resolver knows it.
      const resolve = (input, init) => fetch(String(input).replace("http://umbrel.local", server.url), init);
      const wallet = kit.open("http://umbrel.local", { insecure: true, fetch: resolve });
      assert.deepEqual(await wallet.pay(invoice, context()), { preimage: PREIMAGE, feeMsat: 2000 });
      assert.equal(server.seen.filter(({ method }) => method === "POST").length, 1, "payments");
    },

    async "the request is exactly this, and the fee cap is passed on if the API takes one"(t) {
      const { server, wallet } = await open(t, { pay: () => kit.paid(proof) });
      assert.deepEqual(await wallet.pay(invoice, context()), { preimage: PREIMAGE, feeMsat: 2000 });
      assert.equal(server.seen.length, 1);
      const [{ headers }] = server.seen;
      for (const [header, value] of Object.entries(kit.headers())) assert.equal(headers[header], value);
      assert.equal(headers.accept, "application/json");
      assert.equal(kit.invoice(server.seen[0]), "lnbcrt1invoice");
      const [[invoiceKey]] = Object.entries(kit.read(server.seen[0])).filter(([, value]) => value === "lnbcrt1invoice");
      const { [invoiceKey]: _, ...rest } = kit.read(server.seen[0]);
      assert.deepEqual(rest, kit.order);
    },

    async "a path and a query of the url are kept"(t) {
      const { server } = await open(t);
      const [method, path] = kit.routes.pay.split(" ");
      server.on(`${method} /behind/a/proxy${path}?key=5`, () => kit.paid(proof));
      for (const prefix of ["/behind/a/proxy", "/behind/a/proxy/"]) {
        assert.equal((await kit.open(`${server.url}${prefix}?key=5`).pay(invoice, context())).preimage, PREIMAGE);
      }
    },

    async "a redirect is not followed: the credential goes to its own origin only"(t) {
      const elsewhere = await openStandIn();
      t.after(() => elsewhere.close());
      for (const status of [301, 302, 303, 307, 308]) {
        const away = () => redirect(`${elsewhere.url}/`, status);
        const { wallet } = await open(t, { pay: away, find: away, balance: away });
        const { failed } = await wallet.pay(invoice, context());
        assert.equal(
          failed,
          `${name} refused (status ${status}): a redirect, which is not followed: give the url it leads to`,
        );
        await assert.rejects(wallet.lookup(HASH), /a redirect, which is not followed/);
        await assert.rejects(wallet.balanceMsat(), /a redirect, which is not followed/);
      }
      assert.deepEqual(elsewhere.seen, []);
    },

    async "an unreachable host: it is certain that nothing was paid"(t) {
      const { server, wallet } = await open(t);
      await server.close();
      const answer = await wallet.pay(invoice, context());
      assert.equal(answer.failed, `${name} at ${server.url} could not be reached (ECONNREFUSED)`);
      assert.equal(answer.cause.message, answer.failed);
      assert.ok(answer.cause.cause instanceof TypeError, "the runtime's own error is kept");
      await assert.rejects(wallet.lookup(HASH), { message: answer.failed });
      await assert.rejects(wallet.balanceMsat(), { message: answer.failed });
    },

    async "if a request may have been sent twice, the records are asked before a refusal counts"(t) {
      const refused = { pay: () => kit.refused.answer };
      const again = { fetch: (...args) => fetch(...args) };
      const { failed } = await (await open(t, refused)).wallet.pay(invoice, context());
      assert.equal(failed, kit.refused.says);
      const pay = async (find) => {
        const { server, wallet } = await open(t, { ...refused, find }, again);
        const answer = await wallet.pay(invoice, context()).catch(({ message }) => ({ message }));
        assert.deepEqual(
          server.seen.map(({ path }) => path === "/"),
          [true, false, false],
        );
        return answer;
      };
      for (const find of [asked.none, asked.failed, () => kit.refused.answer, () => page(404)])
        assert.deepEqual(await pay(find), { failed });
      assert.equal((await pay(asked.found)).preimage, PREIMAGE);
      assert.deepEqual(await pay(asked.pending), { message: `${failed}; but it may have the payment on its way` });
      assert.deepEqual(await pay(() => kit.found.paid({ ...proof, preimage: "0".repeat(64) })), {
        message: `${name} says that it has paid, and shows no preimage`,
      });

      const { server, wallet } = await open(t, {}, again);
      await server.close();
      await assert.rejects(wallet.pay(invoice, context()), {
        message: `${name} at ${server.url} could not be reached (ECONNREFUSED)`,
      });
    },

    async "a secret in the url's query is not shown, nor is the runtime's error, which may show it"(t) {
      const { server } = await open(t);
      await server.close();
      const wallet = kit.open(`${server.url}?key=hunter2`);
      const { failed, cause } = await wallet.pay(invoice, context());
      assert.ok(!("cause" in cause));
      hides("hunter2", failed, cause, wallet);
    },

    async "the credential shows nowhere, even if the server repeats it"(t) {
      const parrot = () =>
        json(500, { code: 2, message: `no good: ${[kit.secret].flat().join(" ")}`, detail: `no good: ${secret}` });
      const loud = () => text(500, `no good: ${[kit.secret].flat().join(" ")}`);
      for (const answer of [parrot, loud]) {
        const { wallet } = await open(t, { pay: answer, find: answer, balance: answer });
        const error = await wallet.pay(invoice, context()).then(assert.fail, (error) => error);
        hides(
          kit.secret,
          error,
          await wallet.lookup(HASH).catch((error) => error),
          await wallet.balanceMsat().catch((error) => error),
          wallet,
        );
      }
      const { wallet } = await open(t);
      assert.equal(JSON.stringify(wallet), JSON.stringify({ id: wallet.id, settlesOnce: true }));
      assert.doesNotMatch(inspect(wallet, { showHidden: true, depth: 9 }), new RegExp(secret));
    },

    async "the fetch is the given one or the global one at that moment, called without a this"(t) {
      const { server, wallet } = await open(t, { pay: () => kit.paid(proof) });
      const { fetch } = globalThis;
      globalThis.fetch = () => assert.fail("a later fetch");
      const paying = wallet.pay(invoice, context());
      // Other tests run beside this one. So the global fetch is replaced only during a synchronous call.
      globalThis.fetch = fetch;
      assert.equal((await paying).preimage, PREIMAGE);
      const calls = [];
      const given = kit.open(server.url, {
        fetch(...args) {
          calls.push([this, args]);
          return fetch(...args);
        },
      });
      assert.equal((await given.pay(invoice, context())).preimage, PREIMAGE);
      assert.deepEqual(
        calls.map(([self, [, { method, redirect }]]) => [self, method, redirect]),
        [
          [undefined, "HEAD", "manual"],
          [undefined, "POST", "manual"],
        ],
      );
      assert.equal((await given.pay(invoice, context())).preimage, PREIMAGE);
      assert.equal(calls.length, 3);
    },

    async "with a fetch of another make it pays, looks up and tells its balance, whatever its bodies are"(t) {
      const textOnly = async (...args) => {
        const response = await fetch(...args);
        return { status: response.status, text: () => response.text() };
      };
      const iterable = async (...args) => {
        const { status, body } = await fetch(...args);
        return {
          status,
          body: {
            async *[Symbol.asyncIterator]() {
              yield* body ?? [];
            },
          },
        };
      };
      const nodeFetch = (await import("node-fetch")).default;
      for (const fetch of [nodeFetch, textOnly, iterable]) {
        const answers = { pay: () => kit.paid(proof), find: asked.found, balance: () => kit.balance[0] };
        const { server, wallet } = await open(t, answers, { fetch });
        assert.deepEqual(await wallet.pay(invoice, context()), { preimage: PREIMAGE, feeMsat: 2000 });
        assert.deepEqual(await wallet.lookup(HASH), { state: "paid", preimage: PREIMAGE, feeMsat: 2000 });
        assert.equal(await wallet.balanceMsat(), kit.balance[1]);
        assert.deepEqual(
          server.seen.map(({ path }) => path === "/"),
          [true, false, false, false],
        );
        server.on(kit.routes.pay, () => truncated(kit.ok, "{"));
        await assert.rejects(wallet.pay(invoice, context()), {
          message: `${name} broke off its answer (status ${kit.ok})`,
        });
        server.on(kit.routes.pay, () => kit.refused.answer).on(kit.routes.find, asked.none);
        const fresh = kit.open(server.url, { fetch });
        assert.deepEqual(await fresh.pay(invoice, context()), { failed: kit.refused.says });
      }
    },

    async "with a fetch whose answers can't be read, no payment is sent, and the call fails"(t) {
      const unreadable = [
        async (...args) => ({ status: (await fetch(...args)).status, body: {} }),
        async (...args) => void (await fetch(...args)),
      ];
      for (const given of unreadable) {
        const { server, wallet } = await open(t, { pay: () => kit.paid(proof) }, { fetch: given });
        const says = `${name} was sent nothing: the answers of this fetch can't be read, they have neither a stream nor text()`;
        for (let times = 1; times < 3; times++) {
          assert.equal((await wallet.pay(invoice, context())).failed, says);
          // Without the credential too.
          const credentials = ({ headers }) => Object.keys(kit.headers()).filter((key) => key in headers);
          assert.deepEqual(
            server.seen.map((asked) => [asked.method, asked.path, credentials(asked)]),
            new Array(times).fill(["HEAD", "/", []]),
          );
        }
        const { server: node, shop, asked: requests, close } = await openKit(world, kit);
        t.after(close);
        const pay = shop.client({ wallet: kit.open(node.url, { fetch: given }) });
        const error = await pay(shop.url("a")).then(assert.fail, (error) => error);
        assert.equal(error.code, "payment_failed");
        assert.equal(error.message, `the wallet did not pay: ${says}`);
        assert.equal(requests("pay").length, 0);
        assert.deepEqual(await pay.spent(), { hour: 0, day: 0, total: 0 });
        await shop.counts({ payments: 0, asked: 0 });
      }
    },

    async "the signal ends the request with its reason: beforehand, before the answer, and within it"(t) {
      const reason = new Error("enough");
      const abort = async (pay, when) => {
        const controller = new AbortController();
        const end = () => controller.abort(reason);
        const answered = async (...args) =>
          fetch(...args).finally(() => when === "within" && args[1].method === "POST" && setImmediate(end));
        const { server, wallet } = await open(t, { pay }, { fetch: answered });
        if (when === "beforehand") end();
        const paying = wallet.pay(invoice, context({ signal: controller.signal }));
        if (when === "before") server.until((seen) => seen.some(({ method }) => method === "POST")).then(end);
        await assert.rejects(paying, (error) => error === reason, when);
      };
      await abort(() => kit.paid(proof), "beforehand");
      await abort(() => silent(), "before");
      await abort(() => endless(kit.ok, "{"), "within");
    },

    async "a lookup tells paid, pending, failed and not found as the wallet does, whatever it told before"(t) {
      const answers = { find: asked.found };
      const { server, wallet } = await open(t, { pay: () => kit.paid(proof), find: () => answers.find() });
      assert.deepEqual(await wallet.lookup(HASH), { state: "paid", preimage: PREIMAGE, feeMsat: 2000 });
      assert.deepEqual(await wallet.lookup(HASH.toUpperCase()), { state: "paid", preimage: PREIMAGE, feeMsat: 2000 });
      for (const header of Object.entries(kit.headers())) assert.equal(server.seen[0].headers[header[0]], header[1]);
      assert.equal(kit.hash(server.seen[1]), HASH);
      assert.equal((await wallet.pay(invoice, context())).preimage, PREIMAGE);
      for (const [find, state] of [
        [asked.pending, "pending"],
        [asked.failed, "failed"],
        [asked.none, "not_found"],
      ]) {
        answers.find = find;
        const before = server.seen.length;
        assert.equal((await wallet.lookup(HASH)).state, state);
        assert.equal(server.seen.length - before, 1, "asked once");
      }
    },

    async "not found after the wallet has had the payment ends nothing, in other processes too"(t) {
      const it = await openKit(world, kit);
      t.after(() => it.close());
      const store = mapStore();
      it.server.on(kit.routes.pay, () => kit.paid({ ...proof, preimage: null })).on(kit.routes.find, asked.none);
      let time = Date.now();
      const client = () => it.shop.client({ wallet: kit.open(it.server.url), store, now: () => time });
      for (const pay of [client(), client()]) {
        const error = await pay(it.shop.url("a")).then(assert.fail, (error) => error);
        assert.equal(error.code, "payment_unknown");
        assert.equal((await pay.spent()).total, 10);
      }
      time += 4_000_000;
      assert.equal((await client().spent()).total, 10);
      assert.equal(it.asked("pay").length, 1);
    },

    async "the id is the same for the same wallet, differs for others, and gives nothing away"() {
      const open = (url) => kit.open(url);
      const [one, same, other] = [open("https://a.example"), open("https://a.example/"), open("https://b.example")];
      assert.match(one.id, new RegExp(`^${name}-[0-9a-f]{8}$`));
      assert.equal(one.id, same.id);
      assert.notEqual(one.id, other.id);
      assert.equal(one.settlesOnce, true);
      assert.equal({ ...one }[Symbol.for("l402-fetch/records")].finds, true);
    },

    async "a lookup that blocks is cut off below the core's ten seconds, and its request with it"(t) {
      const { server, wallet } = await open(t, { find: () => silent() });
      const start = performance.now();
      await assert.rejects(wallet.lookup(HASH), {
        name: "TimeoutError",
        message: "the wallet gave no answer within 8 s",
      });
      const took = performance.now() - start;
      // Timers are late on a busy machine.
      assert.ok(took > 7_000 && took < 20_000, `${took} ms`);
      assert.equal(server.seen.length, 1);
    },

    async "a lookup that is no answer throws"(t) {
      for (const find of [
        () => page(200),
        () => page(404),
        () => page(502),
        () => kit.refused.answer,
        () => cut(),
        () => truncated(kit.ok, "{"),
        () => json(200, {}),
        () => json(201, {}),
        () => json(200, []),
      ]) {
        const { wallet } = await open(t, { find });
        await assert.rejects(wallet.lookup(HASH), Error);
      }
      const { server, wallet } = await open(t);
      for (const bad of ["", "abc", `${HASH}00`, "../../getinfo", "zz".repeat(32)]) {
        await assert.rejects(wallet.lookup(bad), { name: "TypeError", message: "paymentHash must be 64 hex digits" });
      }
      assert.deepEqual(server.seen, []);
    },

    async "its balance in msat, or an error"(t) {
      const [answer, msat] = kit.balance;
      const { server, wallet } = await open(t, { balance: () => answer });
      assert.equal(await wallet.balanceMsat(), msat);
      for (const [header, value] of Object.entries(kit.headers())) assert.equal(server.seen[0].headers[header], value);
      for (const bad of [
        page(kit.ok),
        json(kit.ok, {}),
        json(kit.ok, { balance: -1, balanceSat: "x", channels: 5, local_balance: { msat: "1.5" } }),
        kit.refused.answer,
        page(502),
        cut(),
      ]) {
        const { wallet } = await open(t, { balance: () => bad });
        await assert.rejects(wallet.balanceMsat(), Error);
      }
      const pay = world.pkg.createFetch({ wallet, limits: { perPayment: 1 } });
      assert.equal(await pay.balanceMsat(), msat);
    },

    async "many payments at once, each with its own answer"(t) {
      const it = await openKit(world, kit);
      t.after(() => it.close());
      const pay = it.shop.client({ wallet: it.wallet, limits: { perPayment: 100 } });
      const responses = await Promise.all(
        Array.from({ length: 12 }, (_, i) => pay(it.shop.url(`p${i}`, { scope: "path" }))),
      );
      assert.deepEqual([...new Set(responses.map(({ status }) => status))], [200]);
      const { payments } = await it.shop.stats();
      assert.equal(payments, it.asked("pay").length);
    },
  };
}
