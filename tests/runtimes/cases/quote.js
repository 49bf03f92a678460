// quote(): the price without paying it.
import { openShop } from "../shop.js";

export default [
  {
    name: "quote() tells the price and pays nothing, whatever the limits",
    async run(t) {
      const shop = openShop(t, { limits: { perPayment: 0 }, approve: () => t.ok(false, "asked") });
      const url = shop.url("a", { price: 42 });
      const quote = await shop.pay.quote(`${url}#fragment`);
      t.same(Object.keys(quote).sort(), [
        "amountMsat",
        "amountSat",
        "invoice",
        "macaroon",
        "origin",
        "protocol",
        "url",
      ]);
      t.same([quote.url, quote.origin, quote.protocol, quote.amountMsat], [url, t.base, "l402", 42_000]);
      t.equal(quote.invoice.amountMsat, 42_000);
      t.same([quote.amountSat, quote.invoice.amountSat], [42, 42]);
      t.equal(quote.macaroon.paymentHash, quote.invoice.paymentHash);
      t.same(await shop.pay.payments(), []);
      const { log } = await shop.counts({ payments: 0, asked: 0, requests: 1 });
      t.equal(log[0].authorization, null);
    },
  },
  {
    name: "quote() of a free resource is null, and so is that of a paid one, without a request",
    async run(t) {
      const shop = openShop(t);
      t.equal(await shop.pay.quote(shop.free("a")), null);
      await shop.pay(shop.url("a"));
      t.equal(await shop.pay.quote(shop.url("a")), null);
      t.equal(await shop.pay.quote(shop.url("b")), null);
      t.ok((await shop.pay.quote(shop.url("a", {}, t.other))) !== null, "another origin");
      await shop.counts({ payments: 1, requests: 4 });
    },
  },
  {
    name: "quote() of a 402 that can't be paid rejects with the code of the reason, and pays nothing",
    async run(t) {
      const shop = openShop(t);
      for (const [settings, code] of [
        [{ nochallenge: 1 }, "invalid_challenge"],
        [{ header: 'Basic realm="x"' }, "invalid_challenge"],
        [{ header: 'L402 token="x"' }, "invalid_challenge"],
        [{ network: "bc" }, "wrong_network"],
        [{ amount: "none" }, "no_amount"],
        [{ age: 7200 }, "invoice_expired"],
        [{ mismatch: 1 }, "hash_mismatch"],
        [{ redirect: shop.url("away", {}, t.other) }, "cross_origin"],
      ]) {
        const error = await t.rejects(shop.pay.quote(shop.url("a", settings)), code);
        t.ok(error instanceof t.pkg.L402Error, "an L402Error");
      }
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
  {
    name: "quote() sends the request as it is",
    async run(t) {
      const shop = openShop(t);
      const quote = await shop.pay.quote(new Request(shop.url("a"), { method: "POST", body: "body" }));
      t.equal(quote.amountMsat, 10_000);
      const { log } = await shop.counts({ payments: 0, requests: 1 });
      t.same([log[0].method, log[0].bodyLength], ["POST", 4]);
    },
  },
  {
    name: "a network error of quote() is fetch's own, by identity",
    async run(t) {
      const shop = openShop(t);
      const own = new Error("the network");
      t.equal(
        await t.rejects(
          shop
            .client({
              fetch: async () => {
                throw own;
              },
            })
            .quote(shop.url("a")),
        ),
        own,
      );
      await shop.counts({ payments: 0, requests: 0 });
    },
  },
];
