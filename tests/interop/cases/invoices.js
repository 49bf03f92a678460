// Invoices that a wallet makes of its own, paid from the seller's node: the same for each wallet.
import { openMarket } from "../market.js";

const MONTH = 30 * 24 * 60 * 60;

/**
 * Cases for the wallet that `open(t, market)` gives. `takesNull`: it makes invoices without an amount.
 */
export const invoices = (name, open, { takesNull = true } = {}) => [
  {
    name: `${name}: an invoice of its own ${takesNull ? "without an amount" : "of 7 sat"} that lives 30 days is paid from another node, and counted`,
    async run(t) {
      const market = await openMarket(t);
      const wallet = await open(t, market);
      const description = `refund ${Math.random()}`;
      const order = { amountMsat: takesNull ? null : 7000, description, expirySeconds: MONTH };
      const paymentRequest = await wallet.makeInvoice(order);
      const invoice = await t.pkg.decodeInvoice(paymentRequest);
      t.equal(invoice.amountMsat, order.amountMsat);
      t.equal(invoice.description, description);
      t.ok(Math.abs(invoice.expiresAt - Date.now() / 1000 - MONTH) < 60, `${invoice.expiresAt}`);
      t.equal(await wallet.received(invoice.paymentHash), 0);
      await market.desk("refund", { invoice: paymentRequest, ...(takesNull && { msat: 7000 }) });
      t.equal(await wallet.received(invoice.paymentHash), 7000);
    },
  },
  {
    name: `${name}: an invoice of 5 sat, ${takesNull ? "and" : "but"} one without an amount ${takesNull ? "as well" : "it refuses"}`,
    async run(t) {
      const market = await openMarket(t);
      const wallet = await open(t, market);
      const order = { amountMsat: 5000, description: "refund", expirySeconds: 600 };
      t.equal((await t.pkg.decodeInvoice(await wallet.makeInvoice(order))).amountMsat, 5000);
      const made = await wallet.makeInvoice({ ...order, amountMsat: null }).catch(({ message }) => message);
      if (takesNull) t.equal((await t.pkg.decodeInvoice(made)).amountMsat, null);
      else t.ok(/makes no invoice without an amount/.test(made), made);
    },
  },
  {
    name: `${name}: of an invoice that is not its own it can't tell what came in`,
    async run(t) {
      const market = await openMarket(t);
      const wallet = await open(t, market);
      const { paymentHash } = await t.pkg.decodeInvoice(await market.desk("invoice", { sat: 12, expiry: 600 }));
      await wallet.makeInvoice({ amountMsat: 5000, description: "", expirySeconds: 600 });
      t.equal(await wallet.received(paymentHash), null);
    },
  },
];
