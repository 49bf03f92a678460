// Many calls at once: one payment for one resource, however many calls wait for it.
import { deferred, openShop, watchedFetch } from "../shop.js";

const paidNow = (t, responses) => responses.filter((response) => t.pkg.receiptOf(response).paidNow).length;

async function assertOnePayment(t, shop, calls, number) {
  const responses = await Promise.all(calls);
  t.same([...new Set(responses.map((response) => response.status))], [200]);
  t.equal(responses.length, number);
  t.equal(paidNow(t, responses), 1, "calls that paid");
  // A body that nobody reads holds a socket.
  await Promise.all(responses.map((response) => response.text()));
  await shop.counts({ payments: 1, asked: 1, accepted: number });
}

const OWN_EVENTS = "challenge,quote,paying,paid";
const events = (shop) =>
  shop
    .types()
    .filter((type) => type !== "reused")
    .join();
// The paywall signs one invoice for all of them. Signing is most of its work.
const SAME = { reuse_invoice: 1 };

export default [
  {
    name: "1,000 calls at once for one resource: one payment",
    alone: true,
    timeout: 90_000,
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", SAME);
      await assertOnePayment(
        t,
        shop,
        Array.from({ length: 1000 }, () => shop.pay(url)),
        1000,
      );
      t.equal(events(shop), OWN_EVENTS);
    },
  },
  {
    name: "calls for different resources of one origin wait for one purchase, and use its token",
    async run(t) {
      const shop = openShop(t);
      await assertOnePayment(
        t,
        shop,
        Array.from({ length: 20 }, (_, i) => shop.pay(shop.url(`a${i}`))),
        20,
      );
      t.equal(events(shop), OWN_EVENTS);
    },
  },
  {
    name: "calls for resources that share no token: one payment each",
    async run(t) {
      const shop = openShop(t);
      const calls = Array.from({ length: 12 }, (_, i) => shop.pay(shop.url(`a${i % 6}`, { scope: "path" })));
      const responses = await Promise.all(calls);
      t.same([...new Set(responses.map((response) => response.status))], [200]);
      t.equal(paidNow(t, responses), 6);
      t.equal((await shop.pay.payments()).length, 6);
      await shop.counts({ payments: 6, asked: 6, accepted: 12 });
    },
  },
  {
    name: "purchases at two origins run side by side",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: shop.wallet("answer=hold") });
      const calls = [pay(shop.url("a")), pay(shop.url("a", {}, t.other))];
      await shop.until("asked", 2);
      await shop.release();
      t.equal(paidNow(t, await Promise.all(calls)), 2);
      await shop.counts({ payments: 2, asked: 2, accepted: 2 });
    },
  },
  {
    name: "all waiting callers share a failure: the wallet is asked once",
    async run(t) {
      const shop = openShop(t);
      const watched = watchedFetch(5);
      const pay = shop.client({
        fetch: watched.fetch,
        wallet: async (...args) => {
          await watched.answered;
          return shop.wallet("answer=failed")(...args);
        },
      });
      const errors = await Promise.all(
        Array.from({ length: 5 }, () => t.rejects(pay(shop.url("a")), "payment_failed")),
      );
      for (const error of errors) {
        t.equal(error.response.status, 402);
        t.equal(error.response.bodyUsed, false);
      }
      t.equal(new Set(errors.map((error) => error.response)).size, 5, "each has its own response");
      await shop.counts({ payments: 0, asked: 1, requests: 5 });
    },
  },
  {
    name: "two instances on one store, at once: one payment",
    async run(t) {
      const shop = openShop(t);
      const store = t.pkg.memoryStore();
      const [one, two] = [shop.client({ store }), shop.client({ store })];
      await assertOnePayment(
        t,
        shop,
        Array.from({ length: 40 }, (_, i) => (i % 2 ? one : two)(shop.url("a"))),
        40,
      );
      t.same(
        shop.types().filter((type) => type === "paying" || type === "paid"),
        ["paying", "paid"],
      );
      for (const pay of [one, two]) {
        t.equal((await pay.payments()).length, 1);
        t.equal((await pay.spent()).total, 10);
      }
    },
  },
  ...[{ scope: "single" }, { uses: 1 }].map((settings) => ({
    name: `calls at once, with tokens that are good once (${JSON.stringify(settings)}): one payment each, and all are answered`,
    async run(t) {
      const shop = openShop(t);
      const responses = await Promise.all(Array.from({ length: 5 }, () => shop.pay(shop.url("a", settings))));
      t.same(
        responses.map((response) => response.status),
        [200, 200, 200, 200, 200],
      );
      t.equal(paidNow(t, responses), 5);
      await shop.counts({ payments: 5, asked: 5, accepted: 5 });
    },
  })),
  {
    name: "calls at once, with tokens that are good for nothing: one payment",
    async run(t) {
      for (const refuse of [401, 402, 403]) {
        const shop = openShop(t);
        const store = t.pkg.memoryStore();
        const clients = [shop.client({ store }), shop.client({ store })];
        const url = shop.url("a", { scope: "never", refuse });
        const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => clients[i % 2](url)));
        for (const { value, reason } of results) t.equal(value?.status ?? reason.code, value ? refuse : "not_honored");
        await Promise.allSettled(clients.map((pay) => pay(url)));
        // The next instance knows it too.
        await t.rejects(shop.client({ store })(url), "not_honored");
        await shop.counts({ payments: 1, asked: 1, accepted: 0 });
      }
    },
  },
  {
    name: "a caller who joins a purchase keeps it going when its first caller gives up",
    async run(t) {
      const shop = openShop(t);
      const [asked, answer] = [deferred(), deferred()];
      const watched = watchedFetch(2);
      const pay = shop.client({
        fetch: watched.fetch,
        approve: () => {
          asked.resolve();
          return answer.promise;
        },
      });
      const controller = new AbortController();
      const first = pay(shop.url("a"), { signal: controller.signal });
      await asked.promise;
      const second = pay(shop.url("a"));
      await watched.answered;
      // The second call has its 402. It joins the purchase long before a request to the server is answered.
      await shop.stats();
      controller.abort();
      await t.rejects(first);
      answer.resolve(true);
      t.equal((await second).status, 200);
      t.same(shop.types(), ["challenge", "quote", "paying", "paid", "reused"]);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "parallel purchases never exceed a limit together",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ limits: { perPayment: 10, total: 40 } });
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, (_, i) => pay(shop.url(`a${i}`, { scope: "path" }))),
      );
      const refused = results.filter(({ reason }) => reason).map(({ reason }) => reason.code);
      t.same([...new Set(refused)], ["over_limit"]);
      t.equal(refused.length, 8);
      t.equal((await pay.spent()).total, 40);
      await shop.counts({ payments: 4, asked: 4, accepted: 4 });
    },
  },
];

/** Only in Node: with a browser's few connections it would take too long. */
export const manyMore = {
  name: "10,000 calls at once for one resource: one payment",
  alone: true,
  timeout: 300_000,
  async run(t) {
    const shop = openShop(t);
    const url = shop.url("a", SAME);
    await assertOnePayment(
      t,
      shop,
      Array.from({ length: 10_000 }, () => shop.pay(url)),
      10_000,
    );
    t.equal(events(shop), OWN_EVENTS);
  },
};
