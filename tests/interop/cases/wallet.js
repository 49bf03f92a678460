// The module for lnd and what lnd itself answers: refusals, and payments that lnd knows of already.
import { assertBought, eventually, openMarket } from "../market.js";
import { invoices } from "./invoices.js";

/** What the documents have baked for it, and what is not enough. */
const NARROW = [
  "/routerrpc.Router/SendPaymentV2",
  "/routerrpc.Router/TrackPaymentV2",
  "/lnrpc.Lightning/ChannelBalance",
];
const RECEIVING = [...NARROW, "/lnrpc.Lightning/AddInvoice", "/lnrpc.Lightning/LookupInvoice"];
const LOOK_ONLY = ["/lnrpc.Lightning/GetInfo", "/routerrpc.Router/TrackPaymentV2"];

/** The same key in another's signature. */
const forge = (macaroon) => macaroon.slice(0, -2) + (macaroon.endsWith("00") ? "11" : "00");

/** Nothing reached lnd's records: said at once, and the amount is free. */
async function assertRefused(t, market, macaroon, expected) {
  const pay = market.client({ wallet: t.lnd({ ...t.node, macaroon }) });
  const error = await t.rejects(pay(market.url("weather")), "payment_failed");
  t.ok(expected.test(error.message), error.message);
  t.ok(!error.message.includes(macaroon) && !String(error.cause).includes(macaroon), "the macaroon in an error");
  t.equal((await pay.spent()).total, 0);
  t.same(
    (await pay.payments()).map(({ state }) => state),
    ["failed"],
  );
  await market.counts([], 0);
}

export default [
  ...invoices("lnd", async (t, market) =>
    t.lnd({ ...t.node, macaroon: await market.desk("bake", { uris: RECEIVING }) }),
  ),
  {
    name: "lnd: a macaroon that may not make invoices: it says which calls to allow",
    async run(t) {
      const market = await openMarket(t);
      const wallet = t.lnd({ ...t.node, macaroon: await market.desk("bake", { uris: NARROW }) });
      const order = { amountMsat: null, description: "refund", expirySeconds: 600 };
      for (const ask of [() => wallet.makeInvoice(order), () => wallet.received("00".repeat(32))]) {
        const { message } = await ask().catch((error) => error);
        t.ok(/: its macaroon must allow AddInvoice and LookupInvoice .*permission denied/.test(message), message);
      }
    },
  },
  {
    name: "lnd: a macaroon that may pay, look up and see the balance is enough, and may nothing else",
    async run(t) {
      const market = await openMarket(t);
      const node = { ...t.node, macaroon: await market.desk("bake", { uris: NARROW }) };
      const wallet = t.lnd(node);
      await assertBought(t, await market.client({ wallet })(market.url("weather")), "/weather");
      const [{ hash, preimage }] = await market.counts([12], 1);
      t.same(await wallet.lookup(hash), { state: "paid", preimage, feeMsat: 0 });
      t.ok((await wallet.balanceMsat()) > 0);
      const other = await market.fetch(`${node.url}/v1/invoices`, {
        headers: { "grpc-metadata-macaroon": node.macaroon },
      });
      t.equal(other.status, 500);
      t.ok(/permission denied/.test(await other.text()));
    },
  },
  {
    name: "lnd: a macaroon that may not pay, or is forged, pays nothing and holds nothing up",
    async run(t) {
      const market = await openMarket(t);
      await assertRefused(t, market, await market.desk("bake", { uris: LOOK_ONLY }), /permission denied/);
      await assertRefused(t, market, forge(t.node.macaroon), /verification failed/);
    },
  },
  {
    name: "lnd: an invoice that it has paid already is looked up, and not paid again",
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({
        async approve({ invoice }) {
          await market.desk("pay", { invoice: invoice.paymentRequest });
          return true;
        },
      });
      await assertBought(t, await pay(market.url("weather")), "/weather");
      t.same(
        (await pay.payments()).map(({ state }) => state),
        ["paid"],
      );
      await market.counts([12], 1);
    },
  },
  {
    name: "lnd: what it never tried is not found, and what has expired failed for certain",
    async run(t) {
      const market = await openMarket(t);
      const wallet = market.wallet();
      t.same(await wallet.lookup(`${"00".repeat(31)}07`), { state: "not_found" });
      const invoice = await t.pkg.decodeInvoice(await market.desk("invoice", { sat: 12, expiry: 1 }));
      await eventually("the invoice's end", () => Date.now() / 1000 > invoice.expiresAt + 1);
      const { failed } = await wallet.pay(invoice, { maxFeeMsat: 5000 });
      t.ok(/invoice expired/.test(failed), failed);
      await market.counts([]);
    },
  },
];
