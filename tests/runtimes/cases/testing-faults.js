// What goes wrong with the shop and the wallet that users test with, and what calls make of it.
import { counts, open, PROTOCOLS, URL } from "../test-shop.js";

/** By fault: the code and what it says of money, then the counts after this one call. */
const REFUSED = {
  "wallet no_route": ["payment_failed", "no", { payments: 0, orders: 1, shown: [] }],
  "wallet wrong_preimage": ["wrong_preimage", "maybe", { payments: 1, orders: 1, shown: [0] }],
  "wallet no_preimage": ["no_preimage", "maybe", { payments: 1, orders: 1, shown: [0] }],
  "shop expired_invoice": ["invoice_expired", "no", { payments: 0, orders: 0, shown: [] }],
  "shop wrong_network": ["wrong_network", "no", { payments: 0, orders: 0, shown: [] }],
  "shop other_hash": ["hash_mismatch", "no", { payments: 0, orders: 0, shown: [] }],
  "shop expired_token": ["invalid_macaroon", "no", { payments: 0, orders: 0, shown: [] }],
  "shop request_lost": ["request_failed", "yes", { payments: 1, orders: 1, shown: [0] }],
  "shop answer_lost": ["request_failed", "yes", { payments: 1, orders: 1, shown: [1] }],
};
const HAS_NOT = { "shop other_hash": ["x402"], "shop expired_token": ["mpp", "x402"] };

export default [
  ...Object.entries(REFUSED).map(([fault, [code, moneyMoved, expected]]) => ({
    name: `testShop, ${fault}: ${code}`,
    async run(t) {
      const [who, name] = fault.split(" ");
      for (const protocol of PROTOCOLS.filter((protocol) => !HAS_NOT[fault]?.includes(protocol))) {
        const world = open(t, { protocol });
        world[who].fail(name, 1);
        const error = await t.rejects(world.pay(URL), code);
        t.equal(error.moneyMoved, moneyMoved);
        const found = {
          payments: world.shop.payments.length,
          orders: world.wallet.orders,
          shown: world.shop.payments.map(({ shown }) => shown),
        };
        t.same(found, expected, protocol);
        // It happened once, and what was paid stays paid.
        const again = world.pay(URL);
        if (moneyMoved === "maybe") await t.rejects(again, "payment_unknown");
        else if (protocol === "mpp" && name === "answer_lost") {
          // A charge that is used up opens nothing. The core can't know that its answer was lost.
          t.equal((await again.catch(({ code }) => code)).toString(), "not_honored");
        } else t.equal((await again).status, 200, `${protocol}, again`);
        const paidTwice = protocol === "x402" && name === "answer_lost";
        t.equal(world.shop.payments.length, paidTwice ? 2 : 1, `payments, ${protocol}`);
      }
    },
  })),
  {
    name: "testShop, wallet silence: payment_unknown, and the late payment opens the next call",
    async run(t) {
      for (const outcome of ["paid", "failed"]) {
        const world = open(t, {}, { paymentTimeout: 20 });
        world.wallet.fail("silence", 1);
        const error = await t.rejects(world.pay(URL), "payment_unknown");
        t.equal(error.payment.state, "unknown");
        t.same(await world.wallet.lookup(error.payment.paymentHash), { state: "pending" });
        await t.rejects(world.pay(URL), "payment_unknown");
        t.equal(world.shop.payments.length, 0);
        t.equal(world.wallet.orders, 1);
        world.wallet.settle(outcome);
        t.equal((await world.pay(URL)).status, 200);
        t.equal(world.shop.payments.length, 1);
        t.equal(world.wallet.orders, outcome === "paid" ? 1 : 2);
      }
    },
  },
  {
    name: "testShop, wallet lost_answer: the lookup finds the payment; a function has none, and the shop's list does",
    async run(t) {
      const world = open(t);
      world.wallet.fail("lost_answer");
      const response = await world.pay(URL);
      t.equal(t.pkg.receiptOf(response).paidNow, true);
      counts(t, world, { statuses: [402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });

      const blind = open(t, {});
      blind.wallet.fail("lost_answer");
      const pay = blind.client({ wallet: blind.wallet.pay });
      const { payment } = await t.rejects(pay(URL), "payment_unknown");
      t.equal(payment.state, "unknown");
      await t.rejects(pay(URL), "payment_unknown");
      const [{ paymentHash, preimage }] = blind.shop.payments;
      t.equal(paymentHash, payment.paymentHash);
      await pay.resolve(paymentHash, { preimage });
      t.equal((await pay(URL)).status, 200);
      counts(t, blind, { statuses: [402, 402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });
    },
  },
  {
    name: "testShop, refused: a shop that learns late is asked again; one that gives nothing is paid once",
    async run(t) {
      for (const protocol of PROTOCOLS) {
        const late = open(t, { protocol });
        late.shop.fail("refused", 3);
        t.equal((await late.pay(URL)).status, 200);
        counts(t, late, { statuses: [402, 402, 402, 402, 200], payments: 1, orders: 1, shown: [4], opened: [1] });

        const thief = open(t, { protocol });
        thief.shop.fail("refused");
        t.equal((await thief.pay(URL)).status, 402);
        t.equal(thief.shop.payments[0].shown, 4);
        const error = await t.rejects(thief.pay(URL), "not_honored");
        t.equal(error.payment.paymentHash, thief.shop.payments[0].paymentHash);
        await t.rejects(thief.pay(URL), "not_honored");
        t.equal(thief.shop.payments.length, 1);
        t.equal(thief.wallet.orders, 1);
        t.equal(thief.shop.payments[0].opened, 0);
      }
    },
  },
  {
    name: "testShop: a price that rises meets the limit, and one of 0 is free",
    async run(t) {
      let price = 40;
      const world = open(t, { price: () => price, uses: 1 });
      t.equal((await world.pay(URL)).status, 200);
      price = 90;
      t.equal((await world.pay(URL)).status, 200);
      price = 101;
      const error = await t.rejects(world.pay(URL), "over_limit");
      t.equal(error.quote.amountSat, 101);
      t.equal(world.shop.satsReceived, 130);
      world.shop.price = 0;
      const free = await world.pay(URL);
      t.equal(free.status, 200);
      t.equal(t.pkg.receiptOf(free), undefined);
      t.equal(world.shop.payments.length, 2);
      price = "much";
      world.shop.price = () => price;
      t.ok((await t.rejects(world.pay(URL), "invalid_options")).message.includes("price"), "names the price");
    },
  },
  {
    name: "testShop: tokens end by the clock, which is yours, and so do invoices",
    async run(t) {
      let time = 1_900_000_000_000;
      const now = () => time;
      const world = open(t, { tokenSeconds: 60, invoiceSeconds: 30, now }, { now });
      t.equal((await world.pay(URL)).status, 200);
      time += 59_000;
      t.equal((await world.pay(URL)).status, 200);
      time += 2_000;
      t.equal((await world.pay(URL)).status, 200);
      t.equal(world.shop.payments.length, 2);

      // While the person thinks it over the invoice expires, and a fresh one is asked for.
      const slow = world.client({
        approve() {
          if (world.shop.challenges === 3) time += 31_000;
          return true;
        },
      });
      t.equal((await slow(URL)).status, 200);
      t.equal(world.shop.challenges, 4);
      t.equal(world.shop.payments.length, 3);
    },
  },
  {
    name: "testShop: the wallet keeps to its balance and to the fee limit, and pays no other shop",
    async run(t) {
      const poor = open(t, { balance: 15, feeMsat: 1_000 });
      t.equal((await poor.pay(URL)).status, 200);
      t.equal(await poor.pay.balanceMsat(), 4_000);
      t.equal((await poor.pay.spent()).total, 11);
      const failed = await t.rejects(poor.client()("https://other.example/"), "payment_failed");
      t.ok(failed.message.includes("insufficient balance"), failed.message);

      const dear = open(t, { feeMsat: 6_000 });
      await t.rejects(dear.pay(URL), "payment_failed");
      t.equal(dear.shop.payments.length, 0);

      const stranger = dear.client({ wallet: poor.wallet });
      await t.rejects(stranger(URL), "payment_failed");
      t.equal(dear.shop.payments.length, 0);
      t.equal(poor.shop.payments.length, 1);
    },
  },
];
