// Limits include fees and slide. They hold for all origins together and for each one.
import { openShop } from "../shop.js";

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Buys at distinct paths whose tokens open nothing else. The invoices outlive any clock of a test. */
const seller = (shop, settings) => {
  let next = 0;
  return (pay, base) => pay(shop.url(`a${next++}`, { scope: "path", expiry: 1_000_000, ...settings }, base));
};

/** `bucket`: a payment counts until the minute, or quarter of an hour, in which it was made has left the window. */
const windowed = (name, limit, span, bucket) => ({
  name: `${limit} slides: a sum counts ${span} ms and until the ${bucket} ms that it belongs to have left the window`,
  async run(t) {
    const shop = openShop(t);
    const edge = bucket * Math.ceil(Date.now() / bucket);
    let now = edge - 1_000;
    const pay = shop.client({ limits: { perPayment: 100, [limit]: 25 }, now: () => now });
    const buy = seller(shop);
    await buy(pay);
    now = edge;
    await buy(pay);
    await t.rejects(buy(pay), "over_limit");
    now = edge + span - 1;
    t.ok((await t.rejects(buy(pay), "over_limit")).message.includes(limit), "the message names the limit");
    t.equal((await pay.spent())[name], 20);
    now = edge + span;
    t.equal((await pay.spent())[name], 10);
    t.equal((await buy(pay)).status, 200);
    await t.rejects(buy(pay), "over_limit");
    t.equal((await pay.spent()).total, 30);
    now = edge + span + bucket - 1;
    t.equal((await pay.spent())[name], 20);
    now = edge + span + bucket;
    t.equal((await pay.spent())[name], 10);
    await shop.counts({ payments: 3, asked: 3 });
  },
});

export default [
  windowed("hour", "perHour", HOUR, MINUTE),
  windowed("day", "perDay", DAY, QUARTER),
  {
    name: "total never becomes free again",
    async run(t) {
      const shop = openShop(t);
      let now = Date.now();
      const pay = shop.client({ limits: { perPayment: 100, total: 20 }, now: () => now });
      const buy = seller(shop);
      await buy(pay);
      await buy(pay);
      now += 3 * DAY;
      t.same(await pay.spent(), { hour: 0, day: 0, total: 20 });
      await t.rejects(buy(pay), "over_limit");
      await shop.counts({ payments: 2, asked: 2 });
    },
  },
  {
    name: "perOrigin counts each origin for itself",
    async run(t) {
      for (const window of ["perHour", "perDay", "total"]) {
        const shop = openShop(t);
        const pay = shop.client({ limits: { perPayment: 100, perOrigin: { [window]: 15 } } });
        const buy = seller(shop);
        await buy(pay);
        const error = await t.rejects(buy(pay), "over_limit");
        t.ok(error.message.includes(`perOrigin.${window}`), "the message names the limit");
        await buy(pay, t.other);
        await t.rejects(buy(pay, t.other), "over_limit");
        t.equal((await pay.spent(t.base)).total, 10);
        t.equal((await pay.spent()).total, 20);
        await shop.counts({ payments: 2, asked: 2 });
      }
    },
  },
  {
    name: "a price that just fits is paid, with nothing left for the fee",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({
        limits: {
          perPayment: 10,
          perHour: 10,
          perDay: 10,
          total: 10,
          perOrigin: { perHour: 10, perDay: 10, total: 10 },
        },
      });
      t.equal((await pay(shop.url("a"))).status, 200);
      t.equal(shop.asked[0].context.maxFeeMsat, 0);
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "maxFeeMsat is 1% or 5 sat, cut to what the limits leave",
    async run(t) {
      for (const [price, limits, expected] of [
        [10, { perPayment: 100 }, 5_000],
        [10, { perPayment: 12 }, 2_000],
        [1_000, { perPayment: 2_000 }, 10_000],
        [1_000, { perPayment: 2_000, total: 1_003 }, 3_000],
        [10, { perPayment: 100, perOrigin: { perDay: 11 } }, 1_000],
      ]) {
        const shop = openShop(t);
        await shop.client({ limits })(shop.url("a", { price }));
        t.equal(shop.asked[0].context.maxFeeMsat, expected, JSON.stringify(limits));
        await shop.counts({ payments: 1 });
      }
    },
  },
  {
    name: "a reported fee counts against the limits, above the cap too",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ limits: { perPayment: 100, total: 26 }, wallet: shop.wallet("fee=7000") });
      const buy = seller(shop);
      await buy(pay);
      t.equal((await pay.spent()).total, 17);
      await t.rejects(buy(pay), "over_limit");
      await shop.counts({ payments: 1, feesMsat: 7_000 });
    },
  },
  {
    name: "while an outcome is unknown its fee reserve counts against the limits, not as spent",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ limits: { perPayment: 100, total: 24 }, wallet: shop.wallet("answer=none") });
      const error = await t.rejects(pay(shop.url("a")), "no_preimage");
      t.equal((await pay.spent()).total, 10);
      await t.rejects(pay(shop.url("a", {}, t.other)), "over_limit");
      await pay.resolve(error.payment.paymentHash, { preimage: await shop.preimage(error.payment.paymentHash) });
      t.equal((await pay.spent()).total, 10);
      await t.rejects(pay(shop.url("a", {}, t.other)), "no_preimage");
      t.equal((await pay.spent()).total, 20);
      await shop.counts({ payments: 2, asked: 2 });
    },
  },
  {
    name: "a clock that fails or lies in the past frees nothing",
    async run(t) {
      for (const now of [
        () => NaN,
        () => {
          throw new Error("no clock");
        },
        () => "soon",
        () => -1,
      ]) {
        const shop = openShop(t);
        const pay = shop.client({ limits: { perPayment: 100, perHour: 10 }, now });
        const buy = seller(shop);
        await buy(pay);
        await t.rejects(buy(pay), "over_limit");
        await shop.counts({ payments: 1 });
      }
      const shop = openShop(t);
      let now = Date.now();
      const pay = shop.client({ limits: { perPayment: 100, perHour: 10 }, now: () => now });
      const buy = seller(shop);
      await buy(pay);
      now -= 2 * HOUR;
      await t.rejects(buy(pay), "over_limit");
      t.equal((await pay.spent()).hour, 10);
      await shop.counts({ payments: 1 });
    },
  },
];
