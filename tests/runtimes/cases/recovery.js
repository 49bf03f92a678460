// A payment whose outcome was lost: looked up, resolved, or left alone; never paid again.
import { openShop } from "../shop.js";

/** A wallet that may have paid and then fails; `lookup` says what its books say. */
const losing = (shop, lookup, query = "") => ({
  async pay(...args) {
    await shop.wallet(query)(...args);
    throw new Error("the connection was lost");
  },
  ...(lookup && { lookup }),
});

export default [
  {
    name: "lost and looked up as paid: the call succeeds",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: losing(shop, shop.lookup) });
      const response = await pay(shop.url("a"));
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, true);
      t.equal((await pay.payments())[0].state, "paid");
      await shop.counts({ payments: 1, asked: 1, lookups: 1, accepted: 1 });
    },
  },
  {
    name: "lost and looked up as failed: payment_failed, the amount is free",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: losing(shop, shop.lookup, "answer=failed") });
      const error = await t.rejects(pay(shop.url("a")), "payment_failed");
      t.equal(error.payment.state, "failed");
      t.equal(error.cause.message, "the connection was lost");
      t.equal((await pay.spent()).total, 0);
      await shop.counts({ payments: 0, asked: 1, lookups: 1, accepted: 0 });
    },
  },
  ...[
    ["still pending", async () => ({ state: "pending" })],
    ["a throw", () => { throw new Error("no lookup"); }],
    ["a rejection", () => Promise.reject(new Error("no lookup"))],
    ["nothing", async () => undefined],
    ["nonsense", async () => ({ state: "perhaps" })],
    ["paid without a preimage", async () => ({ state: "paid" })],
    ["paid with another preimage", async () => ({ state: "paid", preimage: "01".repeat(32) })],
    ["paid with zeros", async () => ({ state: "paid", preimage: "00".repeat(32) })],
  ].map(([what, lookup]) => ({
    name: `lost, and a lookup that says ${what}: payment_unknown, again and again, paid once`,
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: losing(shop, lookup) });
      for (let times = 0; times < 3; times++) {
        const error = await t.rejects(pay(shop.url("a")), "payment_unknown");
        t.equal(error.payment.state, "unknown");
        t.equal(error.response.bodyUsed, false);
      }
      await t.rejects(pay(shop.url("b")), "payment_unknown");
      t.equal((await pay.spent()).total, 10);
      const { log } = await shop.counts({ payments: 1, asked: 1, requests: 4 });
      t.same(log.map((entry) => entry.authorization), [null, null, null, null]);
    },
  })),
  {
    name: "an unknown payment of one origin does not keep another from being paid",
    async run(t) {
      const shop = openShop(t);
      let times = 0;
      const pay = shop.client({ wallet: (...args) => shop.wallet(times++ === 0 ? "answer=none" : "")(...args) });
      await t.rejects(pay(shop.url("a")), "no_preimage");
      t.equal((await pay(shop.url("a", {}, t.other))).status, 200);
      await t.rejects(pay(shop.url("a")), "payment_unknown");
      t.equal((await pay.spent()).total, 20);
      await shop.counts({ payments: 2, asked: 2, accepted: 1 });
    },
  },
  {
    name: "unknown, and found by the next call's lookup: used, not paid again",
    async run(t) {
      const shop = openShop(t);
      let found = false;
      const wallet = { pay: shop.wallet("answer=none"), lookup: async (hash) => (found ? shop.lookup(hash) : { state: "pending" }) };
      const pay = shop.client({ wallet });
      await t.rejects(pay(shop.url("a")), "no_preimage");
      found = true;
      const response = await pay(shop.url("a"));
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "unknown, and looked up before payments() and spent() answer: found, told and used",
    async run(t) {
      const shop = openShop(t);
      let found = { state: "pending" };
      const wallet = { pay: shop.wallet("answer=none"), lookup: async (hash) => found ?? shop.lookup(hash) };
      const pay = shop.client({ wallet });
      await t.rejects(pay(shop.url("a")), "no_preimage");
      t.equal((await pay.payments())[0].state, "unknown");
      for (found of [{ state: "paid", preimage: "01".repeat(32) }, { state: "perhaps" }, 5]) {
        t.equal((await pay.spent()).total, 10);
        t.equal((await pay.payments())[0].state, "unknown");
      }
      t.ok(!shop.types().includes("paid"), "not told before it is known");
      found = undefined;
      t.same((await Promise.all([pay.payments(), pay.payments()])).map(([{ state }]) => state), ["paid", "paid"]);
      t.same(shop.types().filter((type) => type === "paid"), ["paid"]);
      const response = await pay(shop.url("a"));
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "unknown, looked up as failed before spent() answers: the amount is free; a lookup that throws fails nobody",
    async run(t) {
      const shop = openShop(t);
      const wallet = { pay: shop.wallet("answer=none&paid=0"), lookup: () => { throw new Error("no lookup"); } };
      const pay = shop.client({ wallet: { ...wallet, lookup: (hash) => wallet.lookup(hash) } });
      await t.rejects(pay(shop.url("a")), "no_preimage");
      t.equal((await pay.spent()).total, 10);
      wallet.lookup = async () => ({ state: "failed" });
      t.equal((await pay.spent()).total, 0);
      t.equal((await pay.payments())[0].state, "failed");
      await shop.counts({ payments: 0, asked: 1 });
    },
  },
  {
    name: "resolve() with the preimage: the next call uses the token",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: shop.wallet("answer=none") });
      const { payment } = await t.rejects(pay(shop.url("a")), "no_preimage");
      const preimage = await shop.preimage(payment.paymentHash);

      const wrong = await t.rejects(pay.resolve(payment.paymentHash, { preimage: "01".repeat(32) }), "wrong_preimage");
      t.ok(wrong instanceof t.pkg.L402Error);
      t.same(await pay.payments(), [payment]);
      await t.rejects(pay.resolve("00".repeat(32), { preimage }), "invalid_options");
      await t.rejects(pay.resolve("no hash", "failed"), "invalid_options");
      await t.rejects(pay.resolve(5, "failed"), "invalid_options");
      for (const outcome of [undefined, null, "paid", {}, { preimage: 5 }, true]) {
        await t.rejects(pay.resolve(payment.paymentHash, outcome), "invalid_options");
      }
      t.same(await pay.payments(), [payment]);

      t.equal(await pay.resolve(payment.paymentHash, { preimage: preimage.toUpperCase() }), undefined);
      const [settled] = await pay.payments();
      t.equal(settled.state, "paid");
      t.ok(settled.settledAt >= settled.startedAt, "settledAt");
      await pay.resolve(payment.paymentHash.toUpperCase(), { preimage });
      await t.rejects(pay.resolve(payment.paymentHash, "failed"), "invalid_options");
      t.same(await pay.payments(), [settled]);

      const response = await pay(shop.url("a"));
      t.same(t.pkg.receiptOf(response), { payment: settled, paidNow: false });
      t.equal((await pay.spent()).total, 10);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "resolve() as failed: the amount is free, the next call may pay",
    async run(t) {
      const shop = openShop(t);
      let times = 0;
      const pay = shop.client({ limits: { perPayment: 100, total: 10 }, wallet: (...args) => shop.wallet(times++ === 0 ? "answer=none&paid=0" : "")(...args) });
      const { payment } = await t.rejects(pay(shop.url("a")), "no_preimage");
      await pay.resolve(payment.paymentHash, "failed");
      await pay.resolve(payment.paymentHash, "failed");
      t.equal((await pay.spent()).total, 0);
      t.equal((await pay(shop.url("a"))).status, 200);
      t.same((await pay.payments()).map(({ state }) => state), ["failed", "paid"]);
      await t.rejects(pay.resolve(payment.paymentHash, { preimage: await shop.preimage(payment.paymentHash) }), "invalid_options");
      await shop.counts({ payments: 1, asked: 2, accepted: 1 });
    },
  },
];
