import assert from "node:assert/strict";
import test from "node:test";
import { challenge, charge } from "../support/mint.mjs";
import * as built from "../../dist/core/fetch.js";
import { load as loadBuilt } from "../../dist/loading/embedded.js";
import { L402Error } from "../../src/js/core/error.js";
import { createFetch, memory } from "../../src/js/core/fetch.js";
import { memoryStore } from "../../src/js/core/memory.js";
import { loader, soon } from "../../src/js/core/once.js";

const never = () => new Promise(() => {});
const settle = () => new Promise((resolve) => setImmediate(resolve));
const load = () => assert.fail("there is nothing to load the core for");
const failing = async () => {
  throw new Error("no core");
};
const empty = { read: async (keys) => keys.map(() => null), write: never, list: never };

test("a silent store delays one request by five seconds, and no later one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let sent = 0;
  const fetch = async () => {
    sent++;
    return new Response("sunny");
  };
  const options = { wallet: () => "", limits: { perPayment: 1 }, fetch };
  const pay = createFetch({ ...options, store: { read: never, write: never, list: never } }, load);
  const first = pay("https://a.example/");
  t.mock.timers.tick(4999);
  await settle();
  assert.equal(sent, 0);
  t.mock.timers.tick(1);
  assert.equal(await (await first).text(), "sunny");
  assert.equal(await (await pay("https://a.example/")).text(), "sunny");
  assert.equal(sent, 2);
});

test("a thousand first calls read the store once; in workerd each reads it, because a request may freeze", async () => {
  for (const forwards of [false, true]) {
    let [read, sent, open] = [0, 0];
    const gate = new Promise((resolve) => (open = resolve));
    const fetch = async () => {
      sent++;
      return new Response("sunny");
    };
    const store = {
      read(keys) {
        assert.deepEqual(keys, ["sums"]);
        read++;
        return gate;
      },
      write: never,
      list: never,
    };
    const pay = createFetch({ wallet: () => "", limits: { perPayment: 1 }, fetch, store }, load, forwards);
    const calls = Array.from({ length: 1000 }, () => pay("https://a.example/"));
    await settle();
    assert.deepEqual([read, sent], [forwards ? 1000 : 1, 0]);
    open([null]);
    await Promise.all(calls);
    await pay("https://a.example/");
    assert.deepEqual([read, sent], [forwards ? 1000 : 1, 1001]);
  }
});

test("a store that fails or answers nonsense delays no request", async () => {
  const options = { wallet: () => "", limits: { perPayment: 1 }, fetch: async () => new Response("sunny") };
  for (const read of [
    () => {
      throw new Error("mine");
    },
    () => Promise.reject(new Error("mine")),
    () => 5,
    () => null,
    () => undefined,
    () => "",
    () => [],
    () => [5],
    () => ({
      then() {
        throw new Error("mine");
      },
    }),
  ]) {
    const pay = createFetch({ ...options, store: { read, write: never, list: never } }, failing);
    assert.equal(await (await pay("https://a.example/")).text(), "sunny");
  }
  // No timer is left that would keep the process running.
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((name) => name === "Timeout"),
    [],
  );
});

test("the core loads after the first request is sent, and a free call works without it", async () => {
  const said = [];
  const fetch = async () => {
    said.push("sent");
    return new Response("sunny");
  };
  const loadSoon = soon(async () => {
    said.push("load");
    throw new Error("no core");
  });
  for (const store of [undefined, empty, memory(load)()]) {
    const options = { wallet: () => "", limits: { perPayment: 1 }, fetch, store };
    const pay = createFetch(options, load, undefined, loadSoon);
    await settle();
    assert.deepEqual(said, []);
    for (let call = 0; call < 2; call++) assert.equal(await (await pay("https://a.example/")).text(), "sunny");
    assert.deepEqual(said.splice(0).sort(), ["load", "sent", "sent"]);
  }
});

test("the store in memory is loaded at its first write, once; a load that failed is tried again", async () => {
  let [loads, works] = [0, false];
  const store = memory(async () => {
    loads++;
    await settle();
    if (!works) throw new L402Error("load_failed", "no core");
    return { memoryStore };
  })();
  assert.deepEqual(await store.read(["a", "b"]), [null, null]);
  assert.deepEqual(await store.list("", { limit: 9 }), []);
  assert.equal(loads, 0);
  await assert.rejects(store.write({ a: "1" }, {}), { code: "load_failed" });
  works = true;
  const [changes, seen] = [{ a: "1" }, { a: null }];
  const writes = [store.write(changes, seen), store.write({ a: "2" }, { a: null })];
  Object.assign(changes, { a: "3", b: "3" });
  seen.a = "x";
  assert.deepEqual(await Promise.all(writes), [true, false]);
  assert.deepEqual(await store.read(["a", "b"]), ["1", null]);
  assert.deepEqual(await store.list("", { limit: 9 }), [["a", "1"]]);
});

test("warm() only loads the core; a failure rejects, and the next call loads again", async () => {
  const fetch = () => assert.fail("there is nothing to send");
  const options = { wallet: () => assert.fail("nothing to pay"), limits: { perPayment: 1 }, fetch };
  let loads = 0;
  const loadAt2 = async () => {
    if (++loads === 1) throw new L402Error("load_failed", "no core");
    return { clientOf: () => ({}) };
  };
  const pay = createFetch(options, loadAt2);
  await assert.rejects(pay.warm(), { code: "load_failed" });
  assert.equal(await pay.warm(), undefined);
  assert.equal(loads, 2);
});

test("any value that a loader throws becomes the cause of load_failed", async () => {
  for (const thrown of [
    new ReferenceError("require is not defined"),
    Object.assign(new Error("Cannot find module './293.js'"), { code: "MODULE_NOT_FOUND" }),
    "text",
    undefined,
  ]) {
    const failing = loader(async () => {
      throw thrown;
    });
    const fetch = async () => new Response("", { status: 402 });
    const pay = createFetch({ wallet: () => "", limits: { perPayment: 1 }, fetch }, failing);
    const error = await pay("https://a.example/").catch((error) => error);
    assert.equal(error.code, "load_failed");
    assert.equal(error.cause, thrown);
    assert.equal(error.response.status, 402);
  }
});

/** A shop that gives all away, and takes no token any more, after `close()`; `calls` are what fetch was given. */
async function shop(forwards) {
  const preimage = crypto.getRandomValues(new Uint8Array(32));
  const header = challenge(new Uint8Array(await crypto.subtle.digest("SHA-256", preimage)));
  const calls = [];
  let isOpen = true;
  const fetch = async (...args) => {
    calls.push(args);
    if (new Headers(args[1]?.headers).has("authorization") === isOpen) return new Response("sunny");
    return isOpen
      ? new Response("pay first", { status: 402, headers: { "www-authenticate": header } })
      : new Response("", { status: 401 });
  };
  const options = {
    wallet: () => Buffer.from(preimage).toString("hex"),
    limits: { perPayment: 100 },
    networks: ["regtest"],
    fetch,
  };
  const pay = built.createFetch(options, loadBuilt, forwards);
  return { pay, calls, close: () => (isOpen = false) };
}

test("a bare URL goes to fetch unchanged until a token exists; with a token, a page's request bypasses the HTTP cache", async (t) => {
  t.after(() => {
    delete globalThis.document;
  });
  const url = "http://localhost/weather";
  for (const page of [undefined, { baseURI: "http://localhost/" }]) {
    if (page) globalThis.document = page;
    const { pay, calls, close } = await shop();
    for (let call = 0; call < 3; call++) assert.equal((await pay(url)).status, 200);
    close();
    assert.equal((await pay(url)).status, 200);
    const tokens = calls.map(([, init]) => new Headers(init?.headers).get("authorization"));
    assert.match(tokens[1], /^L402 /);
    assert.deepEqual(tokens, [null, tokens[1], tokens[1], tokens[1], tokens[1], null]);
    const caches = page
      ? [undefined, "no-store", "no-cache", "no-cache", "no-cache", "no-store"]
      : new Array(6).fill(undefined);
    assert.deepEqual(
      calls.map(([, init]) => init?.cache),
      caches,
    );
    assert.ok(calls.every(([given]) => given === url));
    assert.equal(calls[0].length, 1);
  }
});

test("if redirects are followed by hand, a bare URL with a token is followed by hand too", async () => {
  const { pay, calls } = await shop(true);
  for (let call = 0; call < 3; call++) assert.equal((await pay("http://localhost/weather")).status, 200);
  assert.deepEqual(
    calls.map(([, init]) => init?.redirect),
    [undefined, "manual", "manual", "manual"],
  );
});

test("in a page a charge in a header of its own is paid where it can be shown, though a redirect leads there", async () => {
  const preimage = crypto.getRandomValues(new Uint8Array(32));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", preimage));
  const offer = `${charge(hash)}, header="Payment-Authorization"`;
  const answer = (url, status, members) =>
    Object.defineProperties(new Response("", { headers: { "www-authenticate": offer }, status }), {
      url: { value: url },
      ...Object.fromEntries(Object.entries(members).map(([key, value]) => [key, { value }])),
    });
  // As a browser does: where a redirect leads is hidden from who follows it by hand.
  const fetch = async (input, { headers, redirect } = {}) => {
    const from = input.url ?? String(input);
    if (from.endsWith("/a") && redirect === "manual")
      return Object.defineProperties(new Response(""), {
        type: { value: "opaqueredirect" },
        status: { value: 0 },
        url: { value: from },
      });
    const status = new Headers(headers).has("payment-authorization") ? 200 : 402;
    return answer("https://a.example/b", status, { redirected: from.endsWith("/a") });
  };
  let paid = 0;
  const wallet = () => {
    paid++;
    return Buffer.from(preimage).toString("hex");
  };
  const pay = built.createFetch({ wallet, limits: { perPayment: 100 }, networks: ["regtest"], fetch }, loadBuilt);
  const response = await pay("https://a.example/a").catch((error) => error);
  assert.ok(response.status === 200 || paid === 0, `${response.status} after ${paid} payment`);
});
