// LNbits, the real server, over the buyer's lnd.
import { lnbits } from "l402-fetch/wallets/lnbits";
import { assertBought, eventually, freezing, openMarket, replaying } from "../market.js";
import { invoices } from "./invoices.js";
import { purchases, thawing } from "./purchases.js";

const RICH = 6_000_000;

/** A new wallet there that holds so much. */
const open = async (_t, market, sat = RICH) => {
  const { url, adminKey } = await market.desk("lnbits", { sat });
  return lnbits({ url, adminKey });
};

export const everywhere = [...purchases("lnbits", open), ...invoices("lnbits", open, { takesNull: false })];

/** Buys with the wallet, which must refuse for certain; nothing may reach lnd. Resolves with the error. */
async function assertRefused(t, market, wallet) {
  const pay = market.client({ wallet });
  const error = await t.rejects(pay(market.url("weather")), "payment_failed");
  t.equal(error.payment.state, "failed");
  t.equal((await pay.spent()).total, 0);
  await market.counts([], 0);
  return error;
}

export default [
  ...everywhere,
  {
    name: "lnbits: less in the wallet than the price, or than the price and its fee reserve: payment_failed",
    async run(t) {
      const market = await openMarket(t);
      t.ok(
        /Insufficient balance/.test((await assertRefused(t, market, await open(t, market, 5))).message),
        "LNbits' own words",
      );
      t.ok(/reserve/.test((await assertRefused(t, market, await open(t, market, 12))).message), "LNbits' own words");
    },
  },
  {
    name: "lnbits: a wrong key, and a key that may not pay: payment_failed, and the key is not told",
    async run(t) {
      const market = await openMarket(t);
      const { url, invoiceKey } = await market.desk("lnbits", { sat: 100 });
      for (const adminKey of ["0".repeat(32), invoiceKey]) {
        const error = await assertRefused(t, market, lnbits({ url, adminKey }));
        t.equal(
          JSON.stringify([error.message, String(error.cause?.message)]).includes(adminKey),
          false,
          "the key in the error",
        );
      }
    },
  },
  {
    name: "lnbits: an invoice that this wallet has paid already: its preimage is looked up, and nothing is paid",
    async run(t) {
      const market = await openMarket(t);
      const wallet = await open(t, market);
      const { header } = await market.offer("weather");
      for (let times = 0; times < 2; times++) {
        const pay = market.client({ wallet, fetch: replaying(header) });
        t.equal((await pay(market.url("weather"))).status, 200);
        t.same(
          (await pay.payments()).map(({ state }) => state),
          ["paid"],
        );
      }
      await market.counts([12], 2);
    },
  },
  {
    name: "lnbits: its server frozen before it reads the order, which it then drops: unknown, then known to be unpaid, bought anew, and paid once",
    timeout: 60_000,
    async run(t) {
      const market = await openMarket(t);
      const url = market.url("weather");
      let asked = 0;
      const pay = market.client({
        wallet: await open(t, market),
        paymentTimeout: 1000,
        async approve() {
          asked += 1;
          if (asked === 1) await market.desk("freezeLnbits");
          return true;
        },
      });
      let first;
      try {
        first = (await t.rejects(pay(url), "payment_unknown")).payment;
      } finally {
        await market.desk("thawLnbits");
      }
      await assertBought(t, await pay(url), "/weather");
      t.same(
        (await pay.payments()).map(({ paymentHash, state }) => [paymentHash === first.paymentHash, state]),
        [
          [false, "paid"],
          [true, "failed"],
        ],
      );
      await market.counts([12], 1);
    },
  },
  {
    name: "lnbits: an order that it could not hand to its node stays pending there: unknown, until it is told",
    timeout: 90_000,
    async run(t) {
      const market = await openMarket(t);
      const url = market.url("weather");
      let asked = 0;
      const pay = market.client({
        wallet: await open(t, market),
        async approve() {
          asked += 1;
          if (asked === 1) await market.desk("stop", { node: "buyer" });
          return true;
        },
      });
      let payment;
      try {
        ({ payment } = await t.rejects(pay(url), "payment_unknown"));
      } finally {
        await market.desk("start", { node: "buyer" });
      }
      await t.rejects(pay(url), "payment_unknown");
      await market.counts([], 0);
      await pay.resolve(payment.paymentHash, "failed");
      await assertBought(t, await pay(url), "/weather");
      await market.counts([12], 1);
    },
  },
  {
    name: "lnbits: its server killed in mid-payment: unknown while it is gone, found when it is back, and paid once",
    timeout: 120_000,
    run: thawing(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const pay = market.client({ wallet: await open(t, market), ...freezing(market) });
      const call = t.rejects(pay(url), "payment_unknown");
      await market.flying();
      try {
        await market.desk("stopLnbits");
        t.equal((await call).payment.state, "unknown");
        await market.desk("thaw", { node: "seller" });
        await market.landed();
        await t.rejects(pay(url), "payment_unknown");
        t.equal((await pay.spent()).total, 12);
      } finally {
        await market.desk("startLnbits");
      }
      // it looks into its own open payments just then, and says of this one that it does not know yet
      const response = await eventually("LNbits to know", () =>
        pay(url).catch((error) => {
          if (error.code !== "payment_unknown") throw error;
        }),
      );
      await assertBought(t, response, "/weather", false);
      await market.counts([12], 1);
    }),
  },
];
