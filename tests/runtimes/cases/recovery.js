// Payments whose outcome was lost. They are looked up, resolved or left alone, and never paid again.
import { deferred, LAPSE, moveClock, openShop } from "../shop.js";

/** A wallet that may have paid and then fails. `lookup` answers for its records. */
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
    [
      "a throw",
      () => {
        throw new Error("no lookup");
      },
    ],
    ["a rejection", () => Promise.reject(new Error("no lookup"))],
    ["nothing", async () => undefined],
    ["nonsense", async () => ({ state: "perhaps" })],
    ["paid without a preimage", async () => ({ state: "paid" })],
    ["paid with another preimage", async () => ({ state: "paid", preimage: "01".repeat(32) })],
    [
      "that it finds nothing, which a wallet that is not known to find payments may say of any",
      async () => ({ state: "not_found" }),
    ],
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
      t.equal((await pay.spent()).total, 10);
      const { log } = await shop.counts({ payments: 1, asked: 1, requests: 3 });
      t.same(
        log.map((entry) => entry.authorization),
        [null, null, null],
      );
    },
  })),
  {
    name: "lost, and looked up with a preimage that hashes: that is a proof, without a state or beside another one",
    async run(t) {
      for (const rest of [{}, { state: "failed" }, { state: "pending" }, { settled_at: 1790000000 }]) {
        const shop = openShop(t);
        const pay = shop.client({
          wallet: losing(shop, async (hash) => ({ preimage: await shop.preimage(hash), ...rest })),
        });
        t.equal((await pay(shop.url("a"))).status, 200);
        await shop.counts({ payments: 1, asked: 1, accepted: 1 });
      }
    },
  },
  {
    name: "a pay that is still at work after paymentTimeout: no lookup is believed, and no second invoice is paid",
    async run(t) {
      const shop = openShop(t);
      const person = deferred();
      const wallet = {
        pay: async (...args) => {
          await person.promise;
          return shop.wallet()(...args);
        },
        lookup: async () => ({ state: "failed" }),
      };
      const pay = shop.client({ wallet, paymentTimeout: 60 });
      for (let times = 0; times < 2; times++) await t.rejects(pay(shop.url("a")), "payment_unknown");
      const [{ paymentHash }] = await pay.payments();
      // In workerd a request that has ended freezes its call of the wallet: past the timeout the user's word counts.
      if (t.runtime !== "workerd") await t.rejects(pay.resolve(paymentHash, "failed"), "invalid_options");
      t.equal((await pay.spent()).total, 10);
      await shop.counts({ payments: 0 });
      person.resolve();
      await shop.event("paid");
      t.equal((await pay(shop.url("a"))).status, 200);
      t.equal((await pay.spent()).total, 10);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "another instance on the store: after the invoice's expiry a wallet with an id ends the payment; one without never does",
    async run(t) {
      for (const id of ["mine", undefined]) {
        const shop = openShop(t);
        let time = Date.now();
        const shared = { store: t.pkg.memoryStore(), now: () => time };
        await t.rejects(
          shop.client({ ...shared, wallet: { id, pay: shop.wallet("answer=none&paid=0") } })(shop.url("a")),
          "no_preimage",
        );
        const pay = shop.client({
          ...shared,
          wallet: { id, pay: shop.wallet(), lookup: async () => ({ state: "failed" }) },
        });
        await t.rejects(pay(shop.url("a")), "payment_unknown");
        t.equal((await pay.spent()).total, 10);
        time += 10 * 86_400_000;
        t.equal((await pay.spent()).total, id ? 0 : 10, `id ${id}`);
        await shop.counts({ payments: 0, asked: 1 });
      }
    },
  },
  {
    name: "an order that died with its process goes to the same wallet again, if that settles a hash once",
    alone: true,
    async run(t) {
      const shop = openShop(t);
      const shared = { store: t.pkg.memoryStore(), paymentTimeout: 60 };
      const orders = [];
      const wallet = { id: "mine", settlesOnce: true, lookup: async () => ({ state: "failed" }) };
      const dying = {
        ...wallet,
        pay: (invoice) => {
          orders.push(invoice.paymentRequest);
          return new Promise(() => {});
        },
      };
      await t.rejects(shop.client({ ...shared, wallet: dying })(shop.url("a")), "payment_unknown");
      const living = {
        ...wallet,
        pay: (invoice, ...rest) => {
          orders.push(invoice.paymentRequest);
          return shop.wallet()(invoice, ...rest);
        },
      };
      const pay = shop.client({ ...shared, wallet: living });
      t.equal((await t.rejects(pay(shop.url("a")), "payment_unknown")).payment.state, "unknown");
      t.equal(orders.length, 1, "orders while the first may be about to be sent");
      const moveBack = moveClock(LAPSE);
      try {
        t.equal((await pay(shop.url("a"))).status, 200);
      } finally {
        moveBack();
      }
      t.equal(orders.length, 2);
      t.equal(orders[0], orders[1], "the invoice");
      t.equal((await pay.spent()).total, 10);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "onUnknown is asked if nobody else can tell, and its answer settles the payment",
    async run(t) {
      const shop = openShop(t);
      const asked = [];
      let told;
      const onUnknown = async (payment, error) => {
        asked.push([payment.paymentHash, error.code, error instanceof t.pkg.L402Error]);
        return told(payment);
      };
      const pay = shop.client({ wallet: losing(shop), onUnknown });
      for (told of [
        () => {
          throw new Error("mine");
        },
        async () => "wait",
        async () => undefined,
        async () => ({ preimage: "01".repeat(32) }),
        () => "perhaps",
      ]) {
        const { payment } = await t.rejects(pay(shop.url("a")), "payment_unknown");
        t.same(asked.at(-1), [payment.paymentHash, "payment_unknown", true]);
        t.equal((await pay.spent()).total, 10);
      }
      t.equal(asked.length, 5);
      told = async ({ paymentHash }) => ({ preimage: await shop.preimage(paymentHash) });
      t.equal((await pay(shop.url("a"))).status, 200);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });

      told = async () => "failed";
      const other = openShop(t);
      const unpaid = other.client({ wallet: losing(other, undefined, "answer=failed"), onUnknown });
      await t.rejects(unpaid(other.url("a")), "payment_failed");
      t.equal((await unpaid.spent()).total, 0);
      t.equal(asked.length, 7);
      await other.counts({ payments: 0, asked: 1 });
    },
  },
  {
    name: "an unknown payment blocks its own resource, and its whole origin if tokens are known to be shared",
    async run(t) {
      const shop = openShop(t);
      let answer = "answer=none";
      const pay = shop.client({ wallet: (...args) => shop.wallet(answer)(...args) });
      await t.rejects(pay(shop.url("a")), "no_preimage");
      answer = "";
      // both ask for money, and one token opens both
      for (const { status } of await Promise.all([pay(shop.url("b")), pay(shop.url("c"))])) t.equal(status, 200);
      await shop.counts({ payments: 2, asked: 2 });
      await shop.revoke();
      for (const path of ["a", "d"]) await t.rejects(pay(shop.url(path)), "payment_unknown");
      t.equal((await pay.spent()).total, 20);
      await shop.counts({ payments: 2, asked: 2 });
    },
  },
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
    name: "unknown, and found by the next call's lookup: the token is used, and nothing is paid again",
    async run(t) {
      const shop = openShop(t);
      let found = false;
      const wallet = {
        pay: shop.wallet("answer=none"),
        lookup: async (hash) => (found ? shop.lookup(hash) : { state: "pending" }),
      };
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
      t.same(
        (await Promise.all([pay.payments(), pay.payments()])).map(([{ state }]) => state),
        ["paid", "paid"],
      );
      t.same(
        shop.types().filter((type) => type === "paid"),
        ["paid"],
      );
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
      const wallet = {
        pay: shop.wallet("answer=none&paid=0"),
        lookup: () => {
          throw new Error("no lookup");
        },
      };
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
      const pay = shop.client({
        limits: { perPayment: 100, total: 10 },
        wallet: (...args) => shop.wallet(times++ === 0 ? "answer=none" : "")(...args),
      });
      const { payment } = await t.rejects(pay(shop.url("a")), "no_preimage");
      await pay.resolve(payment.paymentHash, "failed");
      await pay.resolve(payment.paymentHash, "failed");
      t.equal((await pay.spent()).total, 0);
      t.equal((await pay(shop.url("a"))).status, 200);
      t.same(
        (await pay.payments()).map(({ state }) => state),
        ["paid", "failed"],
      );
      await t.rejects(pay.resolve(payment.paymentHash, { preimage: "01".repeat(32) }), "wrong_preimage");
      // it was a mistake: a proof always wins
      await pay.resolve(payment.paymentHash, { preimage: await shop.preimage(payment.paymentHash) });
      t.same(
        (await pay.payments()).map(({ state }) => state),
        ["paid", "paid"],
      );
      t.equal((await pay.spent()).total, 20);
      await shop.counts({ payments: 2, asked: 2, accepted: 1 });
    },
  },
];
