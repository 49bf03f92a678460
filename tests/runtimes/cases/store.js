// The caller's store. Its records are used. If it can't be read or written, nothing is paid.
import { deferred, mapStore, openShop } from "../shop.js";

const broken = new Error("the store broke");
const failing = (method) => ({
  ...mapStore(),
  [method]: () => {
    throw broken;
  },
});
const rejecting = (method) => ({ ...mapStore(), [method]: () => Promise.reject(broken) });

const refused = (name, makeStore, cause) => ({
  name: `${name}: a free resource is served, nothing is paid: store_failed`,
  async run(t) {
    const shop = openShop(t);
    const store = makeStore();
    const pay = shop.client({ store });
    t.equal((await pay(shop.free("a"))).status, 200);
    const error = await t.rejects(pay(shop.url("a")), "store_failed");
    if (cause) t.equal(error.cause, cause);
    t.equal(error.response.status, 402);
    t.equal(error.response.bodyUsed, false);
    t.equal(shop.events.at(-1).type, "refused");
    t.equal(shop.events.at(-1).code, "store_failed");
    await shop.counts({ payments: 0, asked: 0, requests: 2 });
  },
});

export default [
  ...[
    ["a plain one", {}],
    ["one with locks", { lock: true }],
  ].map(([name, options]) => ({
    name: `the next instance uses the token of an earlier one, from the same store: ${name}`,
    async run(t) {
      const shop = openShop(t);
      const store = mapStore(options);
      const url = shop.url("a");
      const { payment } = t.pkg.receiptOf(await shop.client({ store })(url));
      const later = shop.client({ store, wallet: () => t.ok(false, "asked to pay") });
      const response = await later(url);
      t.same(t.pkg.receiptOf(response), { payment, paidNow: false });
      t.same(await later.payments(), [payment]);
      t.same(await later.spent(), { hour: 10, day: 10, total: 10 });
      for (const value of store.map.values())
        t.ok(Number.isInteger(JSON.parse(value).version), "a version in each value");
      const { log } = await shop.counts({ payments: 1, requests: 3, accepted: 2 });
      t.ok(log[2].authorization !== null, "the first request of the second instance has the token");
    },
  })),
  {
    name: "an asynchronous store whose methods need their this",
    async run(t) {
      const shop = openShop(t);
      class Slow {
        #map = new Map();
        async get(key) {
          await shop.stats();
          return this.#map.get(key) ?? null;
        }
        async set(key, value) {
          await shop.stats();
          this.#map.set(key, value);
        }
        async delete(key) {
          this.#map.delete(key);
        }
      }
      const store = new Slow();
      const url = shop.url("a");
      t.equal((await shop.client({ store })(url)).status, 200);
      t.equal(t.pkg.receiptOf(await shop.client({ store })(url)).paidNow, false);
      await shop.counts({ payments: 1, accepted: 2 });
    },
  },
  {
    name: "totals are the store's, not the instance's",
    async run(t) {
      const shop = openShop(t);
      const shared = { store: mapStore(), limits: { perPayment: 100, total: 25 } };
      const [one, two] = [shop.client(shared), shop.client(shared)];
      await one(shop.url("a", { scope: "path" }));
      await two(shop.url("b", { scope: "path" }));
      t.equal((await one.spent()).total, 20);
      await t.rejects(one(shop.url("c", { scope: "path" })), "over_limit");
      await t.rejects(two(shop.url("c", { scope: "path" })), "over_limit");
      await shop.counts({ payments: 2, asked: 2 });
    },
  },
  {
    name: "the journal is written before the wallet is asked, and the token before the request is repeated",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      const pay = shop.client({
        store,
        wallet: async (invoice, context) => {
          t.ok(
            [...store.map.values()].some((value) => value.includes(invoice.paymentHash) && value.includes('"pending"')),
            "an entry in the journal",
          );
          return shop.wallet()(invoice, context);
        },
        fetch: (input, init) => {
          const authorization = new Headers(init?.headers).get("authorization");
          if (authorization) {
            const [token, preimage] = authorization.slice("L402 ".length).split(":");
            t.ok(
              [...store.map.values()].some((value) => value.includes(token) && value.includes(preimage)),
              "the token in the store",
            );
          }
          return shop.fetch(input, init);
        },
      });
      t.equal((await pay(shop.url("a"))).status, 200);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  refused("a store whose get throws", () => failing("get"), broken),
  refused("a store whose get rejects", () => rejecting("get"), broken),
  refused("a store whose set throws", () => failing("set"), broken),
  refused("a store whose set rejects", () => rejecting("set"), broken),
  refused("a store whose lock throws", () => failing("lock"), broken),
  refused("a store whose lock rejects", () => rejecting("lock"), broken),
  refused("a store whose lock never runs its task", () => ({ ...mapStore(), lock: async () => {} })),
  refused("a store that gives a number", () => ({ ...mapStore(), get: () => 5 })),
  refused("a store that holds something else", () => ({ ...mapStore(), get: () => "<!doctype html>" })),
  refused("a store that was written by a later version", () => ({
    ...mapStore(),
    get: () => '{"version":99,"tokens":[],"entries":[]}',
  })),
  {
    name: "a store that fails once the wallet has paid: the call succeeds, and nothing more is paid until a write does",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      let works = true;
      const { set } = store;
      store.set = (...args) => {
        if (!works) throw broken;
        return set(...args);
      };
      const pay = shop.client({
        store,
        wallet: async (...args) => {
          works = shop.asked.length > 0;
          return shop.wallet()(...args);
        },
      });
      const [a, b] = [shop.url("a", { scope: "path" }), shop.url("b", { scope: "path" })];
      const response = await pay(a);
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, true);
      t.equal((await shop.event("failed")).code, "store_failed");
      t.equal((await pay(a)).status, 200);
      const error = await t.rejects(pay(b), "store_failed");
      t.equal(error.cause, broken);
      await shop.counts({ payments: 1, asked: 1 });

      works = true;
      t.equal((await pay(b)).status, 200);
      t.same(
        (await pay.payments()).map((payment) => payment.state),
        ["paid", "paid"],
      );
      // both are in the store now: another instance uses them
      const later = shop.client({ store });
      t.equal(t.pkg.receiptOf(await later(a)).paidNow, false);
      await shop.counts({ payments: 2, asked: 2 });
    },
  },
  {
    name: "a process that ended during a payment: the next one looks it up and pays nothing",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      const gone = shop.client({ store, wallet: shop.wallet("answer=hold") });
      const lost = gone(shop.url("a"));
      await shop.until("asked", 1);

      // the wallet is still at it: nobody else may pay
      const wallet = { pay: () => t.ok(false, "asked to pay"), lookup: shop.lookup };
      const pending = await t.rejects(shop.client({ store, wallet })(shop.url("a")), "payment_unknown");
      t.equal(pending.payment.state, "pending");
      await t.rejects(shop.client({ store })(shop.url("a")), "payment_unknown");

      await shop.release();
      await shop.until("payments", 1);
      const response = await shop.client({ store, wallet })(shop.url("a"));
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      t.equal((await lost).status, 200);
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
  {
    name: "another instance's payment that a lookup calls failed has failed once its invoice has expired",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      let now = Date.now();
      const asked = deferred();
      const gone = shop.client({
        store,
        now: () => now,
        wallet: {
          id: "mine",
          pay: () => {
            asked.resolve();
            return new Promise(() => {});
          },
        },
      });
      gone(shop.url("a")).catch(() => {});
      await asked.promise;
      const wallet = { id: "mine", pay: shop.wallet(), lookup: async () => ({ state: "failed" }) };
      const pay = shop.client({ store, now: () => now, wallet, paymentTimeout: 60_000 });
      await t.rejects(pay(shop.url("a")), "payment_unknown");
      now += 60_001;
      await t.rejects(pay(shop.url("a")), "payment_unknown");
      t.equal((await pay.spent()).total, 10);
      now += 3_600_000;
      t.same(
        (await pay.payments()).map((payment) => payment.state),
        ["failed"],
      );
      t.equal((await pay.spent()).total, 0);
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
];
