// The shop and the wallet that users test with: what they sell, serve and count. They are an independent server, so the
// invoices and tokens are compared with what the package itself reads.
import { testShop } from "l402-fetch/testing";
import { deferred } from "../shop.js";
import { counts, open, PROTOCOLS, URL } from "../test-shop.js";

const soldTo = (t, response) => t.pkg.receiptOf(response).payment.protocol;

const buying = [
  ...["l402", "lsat"].map((protocol) => ({
    name: `testShop sells by ${protocol}: the token opens all, and is bought once`,
    async run(t) {
      const world = open(t, { price: 12, protocol });
      const { shop, wallet, pay, networks } = world;
      t.same(networks, ["regtest"]);
      t.equal((await pay.quote(URL)).amountSat, 12);
      const response = await pay(`${URL}#now`);
      t.equal(response.url, URL);
      t.same(await response.json(), { bought: "/weather" });
      t.equal((await pay("https://api.example.com/news?of=today", { method: "POST", body: "x" })).status, 200);
      counts(t, world, { statuses: [402, 402, 200, 200], payments: 1, orders: 1, shown: [2], opened: [2] });
      t.equal(shop.challenges, 2);
      t.equal(shop.satsReceived, 12);
      t.same(shop.requests.at(-1), {
        method: "POST",
        url: "https://api.example.com/news?of=today",
        protocol,
        status: 200,
      });
      const { invoice, preimage, paymentHash, ...rest } = shop.payments[0];
      t.same(rest, { amountSat: 12, url: URL, protocol, shown: 2, opened: 2 });
      t.same(await wallet.lookup(paymentHash), { state: "paid", preimage, feeMsat: 0 });
      t.equal((await pay.payments())[0].invoice, invoice);
      t.same(await pay.spent(), { hour: 12, day: 12, total: 12 });
      t.equal(await pay.balanceMsat(), 999_988_000);
    },
  })),
  {
    name: "testShop: invoices and macaroons are read by the package as they were made",
    async run(t) {
      const now = () => 1_800_000_000_999;
      for (const [network, prefix] of Object.entries({
        bitcoin: "lnbc",
        testnet: "lntb",
        signet: "lntbs",
        regtest: "lnbcrt",
        simnet: "lnsb",
      })) {
        for (const price of [1, 123_456_789, 9_007_199_254_740]) {
          const { fetch, shop } = testShop({
            price,
            network,
            now,
            invoiceSeconds: 600,
            tokenSeconds: 60,
            scope: "path",
          });
          const [{ offer }] = await t.pkg.parseChallenges(await fetch("https://a.example/snow%20☃?x=1"));
          t.equal(offer.protocol, "l402");
          t.ok(offer.invoice.startsWith(`${prefix}${price}0n1`), offer.invoice);
          const invoice = await t.pkg.decodeInvoice(offer.invoice);
          const { paymentHash } = invoice;
          t.same(invoice, {
            paymentRequest: offer.invoice,
            network,
            amountMsat: price * 1000,
            amountSat: price,
            paymentHash,
            description: "shop /snow%20%E2%98%83",
            descriptionHash: null,
            payee: null,
            timestamp: 1_800_000_000,
            expiresAt: 1_800_000_600,
          });
          t.equal(await t.pkg.recoverPayee(offer.invoice), shop.payee);
          const macaroon = await t.pkg.decodeMacaroon(offer.token);
          t.same(
            [macaroon.version, macaroon.location, macaroon.paymentHash, macaroon.expiresAt],
            [2, "shop", paymentHash, 1_800_000_060],
          );
          t.same(
            macaroon.caveats.map(({ raw }) => raw),
            ["services=shop:0", "shop_valid_until=1800000060", "RequestPath=/snow%20%E2%98%83"],
          );
        }
      }
    },
  },
  {
    name: "testShop sells by MPP: a charge is good for one request, or for as many as you say",
    async run(t) {
      const once = open(t, { protocol: "mpp" });
      const response = await once.pay(URL);
      const { payment, attested } = t.pkg.receiptOf(response);
      t.same([payment.protocol, attested.reference], ["mpp", payment.paymentHash]);
      t.equal((await once.pay(URL)).status, 200);
      counts(t, once, { statuses: [402, 200, 402, 402, 200], payments: 2, orders: 2, shown: [2, 1], opened: [1, 1] });
      t.ok(once.events.includes("rejected"), "the shop says why it refuses a charge");

      const twice = open(t, { protocol: "mpp", uses: 2 });
      for (let i = 0; i < 3; i++) t.equal((await twice.pay(URL)).status, 200);
      counts(t, twice, {
        statuses: [402, 200, 200, 402, 402, 200],
        payments: 2,
        orders: 2,
        shown: [3, 1],
        opened: [2, 1],
      });
    },
  },
  {
    name: "testShop sells by x402: an offer is bound to its request, and good for one",
    async run(t) {
      const world = open(t, { protocol: "x402" });
      t.same(world.networks, ["bitcoin"]);
      for (const init of [undefined, { method: "POST", body: "snow ☃" }]) {
        const response = await world.pay(URL, init);
        t.equal(response.status, 200);
        const { payment, attested } = t.pkg.receiptOf(response);
        t.same([payment.protocol, attested.transaction], ["x402", payment.paymentHash]);
      }
      counts(t, world, { statuses: [402, 200, 402, 200], payments: 2, orders: 2, shown: [1, 1], opened: [1, 1] });
      t.equal((await testShop({ protocol: ["x402", "l402"] })).networks.join(), "bitcoin,regtest");
      t.same(testShop({ protocol: "x402", network: "testnet" }).networks, ["testnet"]);
    },
  },
  {
    name: "testShop: several protocols stand in one 402, and each can be taken",
    async run(t) {
      for (const protocol of PROTOCOLS) {
        const world = open(t, { protocol: PROTOCOLS }, { protocols: [protocol] });
        const response = await world.pay(URL);
        t.equal(response.status, 200);
        t.equal(soldTo(t, response), protocol);
        counts(t, world, { statuses: [402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });
      }
      const { fetch } = testShop({ protocol: PROTOCOLS });
      const challenges = await t.pkg.parseChallenges(await fetch(URL));
      t.same(
        challenges.map(({ offer }) => offer.protocol),
        PROTOCOLS,
      );
    },
  },
];

const serving = [
  {
    name: "testShop serves what you say, at a price of its own, by path and by origin",
    async run(t) {
      const world = open(t, { price: 10 });
      const { shop, pay } = world;
      shop.serve("/weather", async (request) =>
        Response.json({ method: request.method, sent: await request.text() }, { status: 201, headers: { "x-a": "1" } }),
      );
      shop.serve("/free/*", () => new Response("free"), { price: 0 });
      shop.serve("https://dear.example/*", () => new Response("dear"), { price: 50 });
      const posted = await pay(URL, { method: "POST", body: "snow" });
      t.same([posted.status, posted.headers.get("x-a")], [201, "1"]);
      t.same(await posted.json(), { method: "POST", sent: "snow" });
      t.equal(await (await pay("https://api.example.com/free/a?b")).text(), "free");
      t.equal(shop.satsReceived, 10);
      t.equal(await (await pay("https://dear.example/a")).text(), "dear");
      t.equal(shop.satsReceived, 60);
      // Its token opens nothing else of that origin, nor the token of the rest that.
      shop.serve("https://dear.example/cheap", () => new Response("cheap"), { price: 1 });
      t.equal(await (await pay("https://dear.example/cheap")).text(), "cheap");
      t.equal(await (await pay("https://dear.example/b")).text(), "dear");
      t.equal(shop.satsReceived, 61);
      t.equal(shop.payments.length, 3);
      const head = await pay(URL, { method: "HEAD" });
      t.same([head.status, await head.text()], [201, ""]);
      shop.serve("/weather", () => new Response(null, { status: 204 }));
      t.equal((await pay(URL)).status, 204);
    },
  },
  {
    name: "testShop: a token is for its origin, and with scope path for its path",
    async run(t) {
      const world = open(t, { scope: "path" });
      for (const path of ["a", "b", "a"]) t.equal((await world.pay(`https://a.example/${path}`)).status, 200);
      t.equal(world.shop.payments.length, 2);
      t.equal((await world.pay("https://b.example/a")).status, 200);
      t.equal(world.shop.payments.length, 3);

      // A token of another origin, of nobody, and one with a caveat of the holder's.
      const { fetch, wallet, shop } = testShop();
      const [{ offer }] = await t.pkg.parseChallenges(await fetch(URL));
      const { paymentHash } = await t.pkg.decodeInvoice(offer.invoice);
      const early = { authorization: `L402 ${offer.token}:${"00".repeat(32)}` };
      t.equal((await fetch(URL, { headers: early })).status, 402);
      await wallet.pay({ paymentHash, paymentRequest: offer.invoice });
      const [{ preimage }] = shop.payments;
      const status = async (token, url = URL) =>
        (await fetch(url, { headers: { authorization: `L402 ${token}:${preimage}` } })).status;
      t.equal(await status(offer.token), 200);
      t.equal(await status(offer.token, "https://b.example/weather"), 402);
      t.equal(await status("AAAA"), 402);
      t.equal(await status(`${offer.token.slice(0, -4)}AAAA`), 402);
      const narrowed = (caveats) => t.pkg.attenuateMacaroon(offer.token, caveats);
      t.equal(await status(await narrowed(["RequestPath=/weather", "RequestMethod=GET", "task=1"])), 200);
      t.equal(await status(await narrowed(["RequestPath=/news"])), 402);
      t.equal(await status(await narrowed(["RequestMethod=POST"])), 402);
      t.equal(await status(await narrowed(["shop_valid_until=1"])), 402);
      t.same([shop.payments[0].shown, shop.payments[0].opened], [6, 2]);
    },
  },
  {
    name: "testShop: what a handler throws is the network's error, and a call can be aborted",
    async run(t) {
      const { shop, pay } = open(t);
      const broken = new RangeError("broken");
      shop.serve("/broken", () => {
        throw broken;
      });
      const error = await t.rejects(pay("https://a.example/broken"), "request_failed");
      t.equal(error.cause, broken);
      shop.serve("/none", () => "text");
      const { cause } = await t.rejects(pay("https://b.example/none"), "request_failed");
      t.equal(cause.code, "invalid_options");

      const asked = deferred();
      shop.serve("/slow", (request) => {
        asked.resolve(request);
        return new Promise(() => {});
      });
      const controller = new AbortController();
      const call = pay("https://c.example/slow", { signal: controller.signal });
      await asked.promise;
      const reason = new Error("enough");
      controller.abort(reason);
      t.equal(await t.rejects(call), reason);
      t.equal(shop.requests.at(-1).status, null);
      t.equal(shop.payments.length, 3);
      t.equal(await t.rejects(pay("https://c.example/slow", { signal: AbortSignal.abort(reason) })), reason);
    },
  },
  {
    name: "testShop: spread into the options of createFetch, it gives options alone",
    async run(t) {
      const world = testShop({ price: 3 });
      const pay = t.pkg.createFetch({ ...world, limits: { perPayment: 100 } });
      t.equal((await pay(URL)).status, 200);
      t.equal(world.shop.satsReceived, 3);
      t.same(Object.keys(world), ["fetch", "wallet", "networks"]);
    },
  },
  {
    name: "testShop: many calls at once pay once, and reset forgets what was counted",
    async run(t) {
      const world = open(t);
      const { shop, wallet, pay } = world;
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => pay(`https://a.example/${i}`)));
      t.ok(
        all.every(({ status }) => status === 200),
        "all are served",
      );
      t.equal(shop.payments.length, 1);
      shop.fail("refused");
      wallet.fail("no_route");
      shop.reset();
      counts(t, world, { statuses: [], payments: 0, orders: 0, shown: [], opened: [] });
      t.same([shop.challenges, shop.satsReceived], [0, 0]);
      t.equal((await pay("https://a.example/0")).status, 200);
      t.equal((await pay("https://b.example/0")).status, 200);
      counts(t, world, { statuses: [200, 402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });

      // A payment that is under way fails with it.
      const waiting = open(t, {}, { paymentTimeout: 10 });
      waiting.wallet.fail("silence");
      const { payment } = await t.rejects(waiting.pay(URL), "payment_unknown");
      waiting.shop.reset();
      t.same(await waiting.wallet.lookup(payment.paymentHash), { state: "failed" });
      t.equal((await waiting.pay(URL)).status, 200);
      t.equal(waiting.shop.payments.length, 1);
    },
  },
  {
    name: "testShop says what is wrong with its options and arguments",
    async run(t) {
      const says = (task, text) => {
        const { message } = t.throws(task, "invalid_options");
        t.ok(message.includes(text), message);
      };
      for (const options of [
        { price: -1 },
        { price: 1.5 },
        { price: "10" },
        { price: 9_007_199_254_741 },
        { uses: 0 },
        { tokenSeconds: 0 },
        { invoiceSeconds: 1e10 },
        { balance: -1 },
        { feeMsat: Number.NaN },
        { now: 5 },
        { scope: "host" },
        { network: "mainnet" },
        { protocol: [] },
        { protocol: "L402" },
        { protocol: ["l402", "bolt12"] },
        { prise: 10 },
      ])
        says(() => testShop(options), Object.keys(options)[0]);
      says(() => testShop(null), "object");
      const { shop, wallet } = testShop();
      says(() => shop.fail("no_route"), "no_route");
      says(() => wallet.fail("refused"), "refused");
      says(() => shop.fail("refused", -1), "times");
      says(() => shop.serve("weather", () => new Response()), "weather");
      says(() => shop.serve("/a?b", () => new Response()), "/a?b");
      says(() => shop.serve("/a", "text"), "function");
      says(() => shop.serve("/a", () => new Response(), { price: -1 }), "price");
      says(() => {
        shop.price = -1;
      }, "price");
      t.equal(shop.price, 10);
      shop.fail("refused", 0);
    },
  },
];

export default [buying, serving].flat();
