// Charges of MPP, bought at aperture with lnd.
import { assertBought, openMarket } from "../market.js";

const charges = { protocols: ["mpp"] };

export default [
  {
    name: "a charge is bought, attested by the server, and taken again until the server refuses it",
    async run(t) {
      const market = await openMarket(t, charges);
      for (const paidNow of [true, false, false]) {
        const response = await market.pay(market.url("refusing/1", t.mpp));
        await assertBought(t, response, "/refusing/1", paidNow);
        const { payment, attested } = t.pkg.receiptOf(response);
        t.equal(payment.protocol, "mpp");
        if (paidNow) {
          t.equal(attested.reference, payment.paymentHash);
          t.equal(attested.method, "lightning");
        }
      }
      await market.counts([5], 3);
      t.same(await market.pay.spent(), { hour: 5, day: 5, total: 5 });
    },
  },
  {
    name: "another path of the same service, and a service that takes either protocol",
    async run(t) {
      const market = await openMarket(t, { protocols: ["mpp", "l402"] });
      await assertBought(t, await market.pay(market.url("either/1", t.mpp)), "/either/1");
      await assertBought(t, await market.pay(market.url("either/2", t.mpp)), "/either/2", false);
      await market.counts([9], 2);
      t.equal((await market.pay.payments())[0].protocol, "mpp");
    },
  },
  {
    name: "an L402 that fails its checks is passed over for the charge beside it",
    async run(t) {
      const market = await openMarket(t);
      const { header } = await market.offer("either/3", t.mpp);
      const other = await market.offer("either/4", t.mpp);
      // Both L402 and LSAT are of another invoice than their macaroon.
      const mixed = header.replaceAll(/((?:LSAT|L402) macaroon="[^"]+", invoice=")[^"]+/g, `$1${other.invoice}`);
      const pay = market.client({
        fetch: async (input, init) =>
          new Headers(init?.headers ?? input.headers).has("authorization")
            ? market.fetch(input, init)
            : new Response("", { status: 402, headers: { "www-authenticate": mixed } }),
      });
      await assertBought(t, await pay(market.url("either/3", t.mpp)), "/either/3");
      t.same(market.types(), ["challenge", "passed_over", "passed_over", "quote", "paying", "paid"]);
      await market.counts([9], 1);
    },
  },
];
