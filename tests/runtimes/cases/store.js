// The caller's store. Its rows are used. If it can't be read or written, nothing is paid.
import { deferred, LAPSE, mapStore, moveClock, openShop } from "../shop.js";

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
    ["memoryStore()", (t) => t.pkg.memoryStore()],
    ["one of the caller's own", mapStore],
  ].map(([name, make]) => ({
    name: `the next instance uses the token of an earlier one, from the same store: ${name}`,
    async run(t) {
      const shop = openShop(t);
      const store = make(t);
      const url = shop.url("a");
      const { payment } = t.pkg.receiptOf(await shop.client({ store })(url));
      const later = shop.client({ store, wallet: () => t.ok(false, "asked to pay") });
      const response = await later(url);
      t.same(t.pkg.receiptOf(response), { payment, paidNow: false });
      t.same(await later.payments(), [payment]);
      t.same(await later.spent(), { hour: 10, day: 10, total: 10 });
      for (const [key, value] of await store.list("", { limit: 100 }))
        t.ok(/^(time|of)\//.test(key) ? value === "" : JSON.parse(value).v === 1, `a version in the row ${key}`);
      const { log } = await shop.counts({ payments: 1, requests: 3, accepted: 2 });
      t.ok(log[2].authorization !== null, "the first request of the second instance has the token");
    },
  })),
  {
    name: "an asynchronous store whose methods need their this",
    async run(t) {
      const shop = openShop(t);
      class Slow {
        #rows = mapStore();
        async read(keys) {
          await shop.stats();
          return this.#rows.read(keys);
        }
        async write(changes, seen) {
          await shop.stats();
          return this.#rows.write(changes, seen);
        }
        async list(prefix, options) {
          await shop.stats();
          return this.#rows.list(prefix, options);
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
    name: "the payment is written before the wallet is asked, and the token before the request is repeated",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      const pay = shop.client({
        store,
        wallet: async (invoice, context) => {
          t.ok(store.map.get(`payment/${invoice.paymentHash}`)?.includes('"pending"'), "a row of the payment");
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
  refused("a store whose read throws", () => failing("read"), broken),
  refused("a store whose read rejects", () => rejecting("read"), broken),
  refused("a store whose write throws", () => failing("write"), broken),
  refused("a store whose write rejects", () => rejecting("write"), broken),
  refused(
    "a store whose write does it and rejects",
    () => {
      const store = mapStore();
      const { write } = store;
      store.write = async (...given) => {
        await write(...given);
        throw broken;
      };
      return store;
    },
    broken,
  ),
  refused("a store that reads a number", () => ({ ...mapStore(), read: async () => 5 })),
  refused("a store that reads too few rows", () => ({ ...mapStore(), read: async () => [] })),
  refused("a store that reads undefined", () => ({ ...mapStore(), read: async (keys) => keys.map(() => undefined) })),
  refused("a store that does not say whether it has written", () => ({ ...mapStore(), write: async () => {} })),
  refused("a store that holds something else", () => ({
    ...mapStore(),
    read: async (keys) => keys.map(() => "<!doctype html>"),
  })),
  refused("a store that was written by a later version", () => ({
    ...mapStore(),
    read: async (keys) => keys.map(() => '{"v":2,"rev":1}'),
  })),
  {
    name: "a store that says for ever that a row has changed: a free resource is served, and a purchase gives up: store_failed",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ store: { ...mapStore(), write: async () => false } });
      t.equal((await pay(shop.free("a"))).status, 200);
      const began = Date.now();
      const error = await t.rejects(pay(shop.url("a")), "store_failed");
      t.ok(Date.now() - began < 20_000, `${Date.now() - began} ms`);
      t.equal("cause" in error, false, "error.cause");
      t.equal(error.response.bodyUsed, false);
      await shop.counts({ payments: 0, asked: 0, requests: 2 });
    },
  },
  {
    name: "a store that never answers: a free resource is served after seconds, and a purchase gives up: store_failed",
    timeout: 60_000,
    async run(t) {
      const never = () => new Promise(() => {});
      const shop = openShop(t);
      const pay = shop.client({ store: { read: never, write: never, list: never } });
      const began = Date.now();
      t.equal((await pay(shop.free("a"))).status, 200);
      t.ok(Date.now() - began < 8_000, `${Date.now() - began} ms`);
      const error = await t.rejects(pay(shop.url("a")), "store_failed");
      t.equal(error.cause.name, "TimeoutError");
      t.ok(/did not answer within 10 s/.test(error.cause.message), error.cause.message);
      await shop.counts({ payments: 0, asked: 0, requests: 2 });
    },
  },
  {
    name: "a store that forgets a row between two reads: at most one payment, and no token is lost",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      const { read } = store;
      let reads = 0;
      store.read = async (keys) => (reads++ % 2 ? read(keys) : keys.map(() => null));
      const url = shop.url("a");
      for (const pay of [shop.client({ store }), shop.client({ store }), shop.client({ store })])
        t.equal((await pay(url)).status, 200);
      t.equal(store.map.get("sums").includes('"ever":"10000 0 1"'), true, "one payment in the sums");
      await shop.counts({ payments: 1, asked: 1, accepted: 3 });
    },
  },
  {
    name: "a store that fails once the wallet has paid: the call succeeds, and nothing more is paid until a write does",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      let works = true;
      const { write } = store;
      store.write = async (...given) => {
        if (!works) throw broken;
        return write(...given);
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
    name: "a payment that another instance is at: nobody else pays, and whoever looks it up later uses its token",
    async run(t) {
      const shop = openShop(t);
      const store = mapStore();
      const gone = shop.client({ store, wallet: shop.wallet("answer=hold") });
      const lost = gone(shop.url("a"));
      await shop.until("asked", 1);

      // the wallet is still at it: nobody else may pay
      const wallet = { pay: () => t.ok(false, "asked to pay"), lookup: shop.lookup };
      const soon = { store, paymentTimeout: 60 };
      const pending = await t.rejects(shop.client({ ...soon, wallet })(shop.url("a")), "payment_unknown");
      t.equal(pending.payment.state, "pending");
      await t.rejects(shop.client(soon)(shop.url("a")), "payment_unknown");

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
    name: "another instance's payment that a lookup calls failed has failed once that is gone and its invoice has expired",
    alone: true,
    async run(t) {
      const shop = openShop(t);
      const shared = { store: mapStore(), now: () => now };
      let now = Date.now();
      const asked = deferred();
      const gone = shop.client({
        ...shared,
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
      const pay = shop.client({ ...shared, wallet, paymentTimeout: 60 });
      await t.rejects(pay(shop.url("a")), "payment_unknown");
      now += 4_000_000;
      t.equal((await pay.spent()).total, 10);
      const moveBack = moveClock(LAPSE);
      try {
        t.same(
          (await pay.payments()).map((payment) => payment.state),
          ["failed"],
        );
        t.equal((await pay.spent()).total, 0);
      } finally {
        moveBack();
      }
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
];
