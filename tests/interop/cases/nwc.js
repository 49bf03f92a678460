// Nostr Wallet Connect: a real relay, and a wallet service over the buyer's lnd.
import { nwc } from "l402-fetch/wallets/nwc";
import { assertBought, freezing, openMarket, replaying } from "../market.js";
import { invoices } from "./invoices.js";
import { purchases, thawing } from "./purchases.js";

/** A new connection to the service. */
const open = async (_t, market, { may, budgetMsat } = {}) =>
  nwc(await market.desk("nwc", { ...(may && { may }), ...(budgetMsat && { budgetMsat }) }));

export const everywhere = [...purchases("nwc", open), ...invoices("nwc", open)];

export default [
  ...everywhere,
  ...[
    ["a budget below the price (QUOTA_EXCEEDED)", { budgetMsat: 5000 }, "QUOTA_EXCEEDED"],
    ["a connection that may not pay (RESTRICTED)", { may: "get_balance lookup_invoice" }, "RESTRICTED"],
  ].map(([what, connection, code]) => ({
    name: `nwc: ${what}: payment_failed, and the amount is free`,
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ wallet: await open(t, market, connection) });
      const error = await t.rejects(pay(market.url("weather")), "payment_failed");
      t.equal(error.cause.code, code);
      t.equal((await pay.spent()).total, 0);
      await market.counts([], 0);
    },
  })),
  {
    name: "nwc: a connection that may not make invoices: it says what to allow, and the wallet's own error is the cause",
    async run(t) {
      const market = await openMarket(t);
      const wallet = await open(t, market, { may: "pay_invoice" });
      const order = { amountMsat: null, description: "refund", expirySeconds: 600 };
      const error = await wallet.makeInvoice(order).catch((error) => error);
      t.equal(error.message, "the wallet made no invoice: its connection must allow make_invoice (RESTRICTED)");
      t.equal(error.cause.message, "this connection may not make_invoice");
    },
  },
  {
    name: "nwc: a key that the service does not know: no answer, so payment_unknown, and no failure while the order is out",
    timeout: 60_000,
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ wallet: nwc(await market.desk("stranger")), paymentTimeout: 1500 });
      const error = await t.rejects(pay(market.url("weather")), "payment_unknown");
      t.equal((await pay.spent()).total, 12);
      // The SDK waits for a minute, and the service may answer yet.
      await t.rejects(pay.resolve(error.payment.paymentHash, "failed"), "invalid_options");
      t.equal((await pay.spent()).total, 12);
      await market.counts([], 0);
    },
  },
  {
    name: "nwc: a relay that is not there: payment_failed at once, nothing was sent",
    async run(t) {
      const market = await openMarket(t);
      const connection = new URL(await market.desk("nwc"));
      connection.searchParams.set("relay", "ws://127.0.0.1:9");
      const pay = market.client({ wallet: nwc(String(connection)) });
      await t.rejects(pay(market.url("weather")), "payment_failed");
      t.equal((await pay.spent()).total, 0);
      await market.counts([], 0);
    },
  },
  {
    name: "nwc: PAYMENT_FAILED of a second try while the first is on its way is not believed, and the first settles",
    timeout: 60_000,
    run: thawing(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const connection = await market.desk("nwc");
      const { header } = await market.offer("weather");
      const [first, second] = [freezing(market), {}].map((more) =>
        market.client({ wallet: nwc(connection), fetch: replaying(header), ...more }),
      );
      const answers = (await market.desk("answers")).length;
      const call = first(url);
      await market.flying();
      const error = await t.rejects(second(url), "payment_unknown");
      t.same((await market.desk("answers")).slice(answers), ["PAYMENT_FAILED"], "what the service said");
      t.equal(error.payment.state, "unknown");
      t.equal((await second.spent()).total, 12, "the amount is not free");

      await market.desk("thaw", { node: "seller" });
      t.equal((await call).status, 200);
      t.equal((await second(url)).status, 200);
      t.same(
        (await second.payments()).map(({ state }) => state),
        ["paid"],
      );
      t.same((await market.desk("answers")).slice(answers), ["PAYMENT_FAILED", "paid"]);
      await market.counts([12], 2);
    }),
  },
  {
    name: "nwc: a relay that acknowledges nothing while the payment goes on: unknown, then found, and paid once",
    timeout: 60_000,
    run: thawing(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const pay = market.client({ wallet: await open(t, market), ...freezing(market) });
      await market.desk("relay", { mute: 1 });
      try {
        const call = t.rejects(pay(url), "payment_unknown");
        await market.flying();
        t.ok(/PublishError|publish/.test(String((await call).cause?.stack)), "the SDK's own error");
      } finally {
        await market.desk("relay");
      }
      await market.desk("thaw", { node: "seller" });
      await market.landed();
      await assertBought(t, await pay(url), "/weather", false);
      await market.counts([12], 1);
    }),
  },
  {
    name: "nwc: the relay's connections cut in mid-payment: unknown, then found, and paid once",
    timeout: 60_000,
    run: thawing(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const pay = market.client({ wallet: await open(t, market), paymentTimeout: 3000, ...freezing(market) });
      const call = t.rejects(pay(url), "payment_unknown");
      await market.flying();
      await market.desk("relay", { drop: 1 });
      t.equal((await call).payment.state, "unknown");
      await market.desk("thaw", { node: "seller" });
      await market.landed();
      await assertBought(t, await pay(url), "/weather", false);
      await market.counts([12], 1);
    }),
  },
];
