// A fetch stays a fetch: its errors, its streams, and the global fetch that it may replace.
import { isBrowser, openShop } from "../shop.js";

export default [
  {
    name: "a network error is fetch's own, by identity, and nothing is paid",
    async run(t) {
      const shop = openShop(t);
      for (const own of [new TypeError("the network"), { any: "object" }, undefined]) {
        const pay = shop.client({
          fetch: async () => {
            throw own;
          },
        });
        t.equal(await t.rejects(pay(shop.url("a"))), own);
      }
      const real = await t.rejects(shop.pay(shop.url("a", { cut: 1 })));
      t.ok(real instanceof Error && !(real instanceof t.pkg.L402Error), "the runtime's own error");
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
  {
    name: "fetch itself refuses a bad url, a bad method and a bad header",
    async run(t) {
      const shop = openShop(t);
      for (const args of [
        ["http://"],
        [shop.url("a"), { method: "a b" }],
        [shop.url("a"), { headers: { "bad name": "x" } }],
        [shop.url("a"), { method: "GET", body: "x" }],
      ]) {
        const plain = await shop.fetch(...args).catch((error) => error);
        // Bun sends a GET with a body.
        if (!(plain instanceof Error)) continue;
        const error = await t.rejects(shop.pay(...args));
        t.equal(error.constructor, plain.constructor);
        t.ok(!(error instanceof t.pkg.L402Error), "not one of ours");
      }
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
  {
    name: "paid, and the repeat is lost: request_failed with the cause; the next call uses the token",
    async run(t) {
      const shop = openShop(t);
      const lost = new TypeError("the line broke");
      let sends = 0;
      const pay = shop.client({ fetch: (...args) => (++sends === 2 ? Promise.reject(lost) : shop.fetch(...args)) });
      const error = await t.rejects(pay(shop.url("a")), "request_failed");
      t.equal(error.cause, lost);
      t.equal(error.payment.state, "paid");
      t.same(await pay.payments(), [error.payment]);
      const response = await pay(shop.url("a"));
      t.equal(response.status, 200);
      t.same(t.pkg.receiptOf(response), { payment: error.payment, paidNow: false });
      await shop.counts({ payments: 1, asked: 1, accepted: 1, requests: 2 });
    },
  },
  {
    name: "a fetch of the user's own that answers with no Response: handed on as it is, before and after paying",
    async run(t) {
      const headers = {
        get: () => {
          throw new Error("mine");
        },
      };
      for (const odd of [
        {},
        "sunny",
        { status: 200, ok: true },
        { status: 402 },
        { status: 402, url: "", headers },
        { status: 500, url: "", headers: {} },
        undefined,
      ]) {
        const shop = openShop(t);
        let sends = 0;
        const pay = shop.client({
          fetch: (...args) => (++sends === 2 || sends === 4 ? Promise.resolve(odd) : shop.fetch(...args)),
        });
        t.equal(await pay(shop.url("a")), odd);
        t.equal((await pay(shop.url("a"))).status, 200);
        t.same(
          (await pay.payments()).map(({ state }) => state),
          ["paid"],
        );
        // An answer to a token that the core need not see.
        t.equal(await pay(shop.url("a")), odd);
        t.equal((await pay(shop.url("a"))).status, 200);
        await shop.counts({ payments: 1, asked: 1 });
      }
    },
  },
  {
    name: "paid, and the server hangs up: request_failed; later calls are the network's own errors, then the answer",
    async run(t) {
      const shop = openShop(t);
      // A runtime may try again by itself, on each of the six connections that a browser may have kept. So more than
      // six are cut.
      const url = shop.url("a", { drop: 8 });
      const error = await t.rejects(shop.pay(url, { method: "POST", body: "x" }), "request_failed");
      t.ok(error.cause instanceof Error && !(error.cause instanceof t.pkg.L402Error), "the network's error");
      let response;
      for (let times = 0; times < 9 && !response; times++) {
        response = await shop.pay(url, { method: "POST", body: "x" }).catch((cause) => {
          t.ok(!(cause instanceof t.pkg.L402Error), "the network's own error");
        });
      }
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, accepted: 1, dropped: 8 });
    },
  },
  {
    name: "the paid answer is a stream: its first bytes come before the server has sent the last",
    async run(t) {
      const shop = openShop(t);
      const size = 1_000_000;
      for (const paidNow of [true, false]) {
        const response = await shop.pay(shop.url("a", { size, gate: 1 }));
        t.equal(t.pkg.receiptOf(response).paidNow, paidNow);
        t.equal(response.bodyUsed, false);
        const reader = response.body.getReader();
        let length = (await reader.read()).value.length;
        t.ok(length > 0 && length <= size / 2, "half of it is held back");
        await shop.release();
        for (let part = await reader.read(); !part.done; part = await reader.read()) length += part.value.length;
        t.equal(length, size);
      }
      await shop.counts({ payments: 1, accepted: 2 });
    },
  },
  {
    name: "the 402's body is let go of once it is paid; the answer is untouched",
    async run(t) {
      const shop = openShop(t);
      const seen = [];
      const pay = shop.client({
        fetch: async (...args) => {
          const response = await shop.fetch(...args);
          seen.push(response);
          return response;
        },
      });
      const response = await pay(shop.url("a"));
      t.equal(response, seen[1], "fetch's own Response");
      t.equal(response.bodyUsed, false);
      t.equal(seen[0].status, 402);
      await t.rejects(seen[0].text());
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "an untouched answer is fetch's own object",
    async run(t) {
      const shop = openShop(t);
      const seen = [];
      const pay = shop.client({
        fetch: async (...args) => {
          const response = await shop.fetch(...args);
          seen.push([response, ...args]);
          return response;
        },
      });
      const init = { headers: { accept: "text/plain" } };
      for (const url of [
        shop.free("a"),
        shop.free("b", { after: 500 }),
        shop.url("c", { header: 'Basic realm="x"' }),
      ]) {
        const response = await pay(url, init);
        const [own, input, given] = seen.at(-1);
        t.equal(response, own);
        t.equal(input, url);
        t.equal(given, init);
      }
      await shop.counts({ payments: 0, requests: 3 });
    },
  },
  {
    name: "a repeat is fetch(input, { ...init, headers }): members that fetch does not know are kept",
    async run(t) {
      const shop = openShop(t);
      const calls = [];
      const pay = shop.client({
        fetch: (...args) => {
          calls.push(args);
          const { cf, dispatcher, ...init } = args[1];
          return shop.fetch(args[0], init);
        },
      });
      const [cf, dispatcher] = [{ cacheTtl: 5 }, { any: "object" }];
      t.equal((await pay(shop.url("a"), { cf, dispatcher })).status, 200);
      t.equal(calls.length, 2);
      t.equal(calls[1][1].cf, cf);
      t.equal(calls[1][1].dispatcher, dispatcher);
      t.equal(calls[1][1].cache, isBrowser(t) ? "no-store" : undefined);
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "globalThis.fetch = createFetch(…) does not call itself",
    async run(t) {
      const shop = openShop(t);
      const before = globalThis.fetch;
      const pay = shop.client();
      let calls = 0;
      // Other cases run beside this one. Only this case's shop is paid for.
      const installed = (...args) => {
        const isOurs = String(args[0]).includes(shop.id) && String(args[0]).includes("/shop/");
        if (!isOurs) return before(...args);
        calls++;
        return pay(...args);
      };
      globalThis.fetch = installed;
      try {
        t.equal((await fetch(shop.url("a"))).status, 200);
        t.equal((await fetch(shop.url("a"))).status, 200);
      } finally {
        if (globalThis.fetch === installed) globalThis.fetch = before;
      }
      t.equal(calls, 2);
      await shop.counts({ payments: 1, requests: 3 });
    },
  },
  {
    name: "the methods work without their function, and the function without a this",
    async run(t) {
      const shop = openShop(t);
      const { quote, payments, spent, resolve, forget, balanceMsat } = shop.pay;
      const call = shop.pay;
      t.equal((await quote(shop.url("a"))).amountMsat, 10_000);
      t.equal((await call.call(undefined, shop.url("a"))).status, 200);
      const [payment] = await payments();
      t.equal(payment.state, "paid");
      t.equal((await spent()).total, 10);
      t.equal(await balanceMsat(), null);
      await t.rejects(resolve(payment.paymentHash, "failed"), "invalid_options");
      await forget();
      await shop.counts({ payments: 1, requests: 3 });
    },
  },
  {
    name: "credentials: omit and keepalive pay as usual, if fetch knows them",
    async run(t) {
      for (const init of [{ credentials: "omit" }, { keepalive: true }]) {
        const shop = openShop(t);
        const plain = await shop.fetch(shop.free("a"), init).catch((error) => error);
        if (plain instanceof Error) {
          const error = await t.rejects(shop.pay(shop.url("a"), init));
          t.equal(error.message, plain.message);
          await shop.counts({ payments: 0, asked: 0 });
        } else {
          t.equal((await shop.pay(shop.url("a"), init)).status, 200);
          await shop.counts({ payments: 1, accepted: 1 });
        }
      }
    },
  },
];
