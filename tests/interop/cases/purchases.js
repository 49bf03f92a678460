// What is bought at aperture with other wallets than lnd's own: the same of each, whichever it is and wherever it runs.
import { assertBought, freezing, openMarket, replaying } from "../market.js";

/** Thaws the seller's node, whatever becomes of the case. */
export const thawing = (run) => async (t) => {
  try {
    await run(t);
  } finally {
    await (await openMarket(t)).desk("thaw", { node: "seller" });
  }
};

/**
 * Purchases with the wallet that `open(t, market)` gives, one with coins enough. `isSure` where it knows for certain
 * that a payment failed, and `looksUp` where it can say later what became of one.
 */
export const purchases = (name, open, { isSure = true, looksUp = true } = {}) => [
  {
    name: `${name}: bought with one payment, used again for nothing, and the ledger has what lnd has`,
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ wallet: await open(t, market) });
      const before = await pay.balanceMsat();
      const response = await pay(market.url("weather/today"));
      await assertBought(t, response, "/weather/today");
      await assertBought(t, await pay(market.url("weather/tomorrow")), "/weather/tomorrow", false);
      const [booked] = await market.counts([12], 2);
      const [payment] = await pay.payments();
      t.same(
        { hash: payment.paymentHash, state: payment.state, amountMsat: payment.amountMsat, feeMsat: payment.feeMsat },
        { hash: booked.hash, state: "paid", amountMsat: 12_000, feeMsat: 0 },
      );
      t.same(market.types(), ["challenge", "quote", "paying", "paid", "reused"]);
      t.equal(market.sent[1].endsWith(`:${booked.preimage}`), true, "the credential ends in lnd's preimage");
      t.equal(await pay.balanceMsat(), before - 12_000, "the wallet's balance");
    },
  },
  {
    name: `${name}: a limit below the price, and the wallet is not asked`,
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ wallet: await open(t, market), limits: { perPayment: 11 } });
      await t.rejects(pay(market.url("weather")), "over_limit");
      t.same(await pay.payments(), []);
      await market.counts([], 0);
    },
  },
  ...[
    ["more than the channel holds", "dear", 5_000_000],
    ["more than it may give away", "tight", 995_000],
  ].map(([what, path, sat]) => ({
    name: `${name}: a payment without a route, ${what}: ${isSure ? "payment_failed, and the amount is free" : "payment_unknown, until it is told"}`,
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ wallet: await open(t, market), limits: { perPayment: 6_000_000, total: 6_000_000 } });
      const error = await t.rejects(pay(market.url(path)), isSure ? "payment_failed" : "payment_unknown");
      const { paymentHash, state } = error.payment;
      t.equal(state, isSure ? "failed" : "unknown");
      t.equal((await pay.spent()).total, isSure ? 0 : sat);
      if (!isSure) await pay.resolve(paymentHash, "failed");
      t.equal((await pay.spent()).total, 0);
      await assertBought(t, await pay(market.url("weather")), "/weather");
      t.equal((await pay.spent()).total, 12);
      await market.counts([-sat, 12], 1);
    },
  })),
  {
    name: `${name}: an invoice that its seller takes back: ${isSure ? "payment_failed, and the amount is free" : "payment_unknown, until it is told"}`,
    async run(t) {
      const market = await openMarket(t);
      const { header, invoice } = await market.offer("weather");
      const { paymentHash } = await t.pkg.decodeInvoice(invoice);
      await market.desk("cancel", { hash: paymentHash });
      const pay = market.client({ wallet: await open(t, market), fetch: replaying(header) });
      const error = await t.rejects(pay(market.url("weather")), isSure ? "payment_failed" : "payment_unknown");
      t.equal(error.payment.paymentHash, paymentHash);
      t.equal((await pay.spent()).total, isSure ? 0 : 12);
      await market.counts([-12], 0);
    },
  },
  {
    name: `${name}: the seller frozen in mid-payment: unknown and not paid again; ${looksUp ? "found" : "told"} when it is back, and paid once`,
    timeout: 90_000,
    run: thawing(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const { header } = await market.offer("weather");
      const shared = { wallet: await open(t, market), store: t.pkg.memoryStore(), paymentTimeout: 1500 };
      const pay = market.client({ ...shared, ...freezing(market) });
      const error = await t.rejects(pay(url), "payment_unknown");
      t.equal(error.payment.state, "unknown");
      await market.flying();
      const again = await t.rejects(market.client({ ...shared, fetch: replaying(header) })(url), "payment_unknown");
      t.equal(again.payment.paymentHash, error.payment.paymentHash, "the open payment");
      t.equal((await market.books()).length, 1, "payments that lnd was asked for");

      await market.desk("thaw", { node: "seller" });
      const [{ preimage, hash }] = await market.landed();
      // who can't look a payment up may still hear of it: the wallet's answer came late, and was recorded
      if (!looksUp && (await pay.payments())[0].state !== "paid") await pay.resolve(hash, { preimage });
      await assertBought(t, await pay(url), "/weather", false);
      t.same(
        (await pay.payments()).map(({ state }) => state),
        ["paid"],
      );
      t.equal((await pay.spent()).total, 12);
      await market.counts([12], 1);
    }),
  },
];
