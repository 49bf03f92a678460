// The good case: a 402, a payment, and the answer.
import { openShop } from "../shop.js";

/** Firefox shows a page no WWW-Authenticate if it came in two lines. */
async function assertHidden(t, shop) {
  const url = shop.url("a", { scheme: "both" });
  t.equal((await shop.pay(url)).status, 402);
  t.same(shop.events, [{ type: "unpayable", url, reason: "challenge_hidden" }]);
  await shop.counts({ payments: 0, asked: 0, requests: 1 });
}

export default [
  {
    name: "a 402 is paid for and the request sent again",
    async run(t) {
      const shop = openShop(t);
      const before = Math.floor(Date.now() / 1000);
      const url = shop.url("weather");
      const response = await shop.pay(`${url}#fragment`);

      t.equal(response.status, 200);
      t.ok(response instanceof Response, "a real Response");
      t.equal((await response.json()).place, "Longyearbyen");
      t.same(shop.types(), ["challenge", "quote", "paying", "paid"]);

      const [challenge, quoted, paying, paid] = shop.events;
      t.equal(challenge.url, url);
      t.equal(challenge.challenges.length, 1);
      t.equal(challenge.challenges[0].offer.protocol, "l402");
      const { quote } = quoted;
      t.same([quote.url, quote.origin, quote.protocol, quote.amountMsat], [url, t.base, "l402", 10_000]);
      t.equal(quote.macaroon.paymentHash, quote.invoice.paymentHash);
      t.equal(paying.payment.state, "pending");
      t.equal(paying.payment.settledAt, null);

      const { payment } = paid;
      const { startedAt, settledAt, ...rest } = payment;
      t.same(rest, {
        paymentHash: quote.invoice.paymentHash,
        origin: t.base,
        url,
        protocol: "l402",
        amountMsat: 10_000,
        amountSat: 10,
        feeMsat: 0,
        state: "paid",
        scopes: [],
        invoice: quote.invoice.paymentRequest,
        description: quote.invoice.description,
      });
      t.ok(before <= startedAt && startedAt <= settledAt && settledAt <= Date.now() / 1000, "the payment's times");

      t.same(t.pkg.receiptOf(response), { payment, paidNow: true });
      t.same(await shop.pay.payments(), [payment]);
      t.same(await shop.pay.spent(), { hour: 10, day: 10, total: 10 });
      t.same(await shop.pay.spent(t.base), { hour: 10, day: 10, total: 10 });
      t.same(await shop.pay.spent(`${t.other}/any/path?x`), { hour: 0, day: 0, total: 0 });

      const { log } = await shop.counts({
        payments: 1,
        asked: 1,
        requests: 2,
        challenges: 1,
        accepted: 1,
        paidMsat: 10_000,
      });
      t.equal(log[0].authorization, null);
      t.equal(log[1].scheme, "L402");
      const [token, preimage] = log[1].credential.split(":");
      t.equal(token, challenge.challenges[0].offer.token, "the token, byte for byte");
      t.ok(/^[0-9a-f]{64}$/.test(preimage), "a preimage in lower-case hex");
    },
  },
  {
    name: "the wallet is given the invoice, the url, the fee cap and a signal",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { price: 20, description: "☃ two sats", payee: 1 });
      t.equal((await shop.pay(url)).status, 200);
      const [{ invoice, context }] = shop.asked;
      t.same(Object.keys(invoice).sort(), [
        "amountMsat",
        "amountSat",
        "description",
        "descriptionHash",
        "expiresAt",
        "network",
        "payee",
        "paymentHash",
        "paymentRequest",
        "timestamp",
      ]);
      t.equal(invoice.amountMsat, 20_000);
      t.equal(invoice.network, "regtest");
      t.equal(invoice.description, "☃ two sats");
      t.equal(invoice.descriptionHash, null);
      t.ok(/^0[23][0-9a-f]{64}$/.test(invoice.payee), "payee");
      t.equal(invoice.expiresAt - invoice.timestamp, 3600);
      t.same(Object.keys(context).sort(), ["maxFeeMsat", "signal", "url"]);
      t.equal(context.url, url);
      t.equal(context.maxFeeMsat, 5_000);
      t.ok(context.signal instanceof AbortSignal && !context.signal.aborted, "a signal that has not fired");
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "the fee that the wallet reports is counted, rounded up with the amount once",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: shop.wallet("fee=1300") });
      const response = await pay(shop.url("a", { msat: 1_500 }));
      t.equal(t.pkg.receiptOf(response).payment.amountMsat, 1_500);
      t.equal(t.pkg.receiptOf(response).payment.amountSat, 2, "rounded up");
      t.equal(t.pkg.receiptOf(response).payment.feeMsat, 1_300);
      t.same(await pay.spent(), { hour: 3, day: 3, total: 3 });
      await shop.counts({ payments: 1, paidMsat: 1_500, feesMsat: 1_300 });
    },
  },
  {
    name: "a free resource is handed on: no receipt, no event, no payment",
    async run(t) {
      const shop = openShop(t);
      const response = await shop.pay(shop.free("a"));
      t.equal(response.status, 200);
      t.same(await response.json(), { free: `/free/${shop.id}/a` });
      t.equal(t.pkg.receiptOf(response), undefined);
      t.same(shop.events, []);
      await shop.counts({ payments: 0, requests: 1 });
    },
  },
  ...["v2", "v1", "json", "hexid", "rawid", "opaque", "pair"].map((token) => ({
    name: `a token of kind ${token} is echoed as it came`,
    async run(t) {
      const shop = openShop(t);
      const forms = token === "opaque" ? [{}] : [{}, { base64: "url" }, { base64: "url", pad: 0 }, { pad: 0 }];
      for (const [index, form] of forms.entries()) {
        const pay = shop.client();
        const response = await pay(shop.url(`a${index}`, { token, ...form }));
        t.equal(response.status, 200, JSON.stringify(form));
        const { challenges } = shop.events.findLast((event) => event.type === "challenge");
        const { quote } = shop.events.findLast((event) => event.type === "quote");
        t.equal((await shop.log()).at(-1).credential.split(":")[0], challenges[0].offer.token);
        if (token === "opaque" || token === "pair") t.equal(quote.macaroon, null);
        else {
          t.equal(quote.macaroon.version, token === "v1" ? 1 : 2);
          t.equal(quote.macaroon.paymentHash, quote.invoice.paymentHash);
          t.same(quote.macaroon.caveats, [{ condition: "services", value: "paywall:0", raw: "services=paywall:0" }]);
        }
      }
      await shop.counts({ payments: forms.length, accepted: forms.length, refused: 0 });
    },
  })),
  ...["l402", "lsat", "both", "lower"].map((scheme) => ({
    name: `the scheme ${scheme}, however its parameters are written`,
    async run(t) {
      const shop = openShop(t);
      if (scheme === "both" && t.runtime === "firefox") return assertHidden(t, shop);
      let times = 0;
      // of the 27 ways, nine in which each two meet once
      for (const [i, param] of ["token", "macaroon", "both"].entries()) {
        for (const [j, quote] of ["double", "single", "none"].entries()) {
          const sep = ["comma", "space", "semicolon"][(i + j) % 3];
          const response = await shop.client()(shop.url(`a${times++}`, { scheme, param, quote, sep }));
          t.equal(response.status, 200, `${param} ${quote} ${sep}`);
        }
      }
      const { log } = await shop.counts({ payments: times, accepted: times, requests: 2 * times });
      const sent = new Set(log.map((entry) => entry.scheme).filter(Boolean));
      t.same([...sent], [scheme === "lsat" ? "LSAT" : "L402"]);
      const protocols = new Set(
        shop.events.flatMap((event) => (event.type === "paid" ? [event.payment.protocol] : [])),
      );
      t.same([...protocols], [scheme === "lsat" ? "lsat" : "l402"]);
    },
  })),
  {
    name: "a gRPC-Web answer that asks for money, with status 200, is paid as a 402 is",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { grpc: 1, scope: "single" });
      const request = { method: "POST", body: new Uint8Array([0, 0, 0, 0, 0]) };
      for (let time = 0; time < 2; time++) {
        const response = await shop.pay(url, request);
        t.equal(response.headers.get("grpc-status"), null);
        t.equal((await response.json()).bought, shop.path("a"));
        t.equal(t.pkg.receiptOf(response).paidNow, true);
      }
      // Without a wallet's consent it comes back as it is.
      const refused = await t.rejects(shop.client({ approve: () => false })(shop.url("b", { grpc: 1 })), "declined");
      t.equal(refused.response.status, 200);
      await shop.counts({ payments: 2, accepted: 2 });
    },
  },
  {
    name: "protocols says which offers are taken, and in which order",
    async run(t) {
      const shop = openShop(t);
      const header = 'LSAT macaroon="{token}", invoice="{invoice}", L402 macaroon="{token}", invoice="{invoice}"';
      const first = await shop.client({ protocols: ["lsat", "l402"] })(shop.url("a", { header }));
      t.equal(t.pkg.receiptOf(first).payment.protocol, "lsat");
      const none = await shop.client({ protocols: ["lsat"] })(shop.url("b"));
      t.equal(none.status, 402);
      t.same(shop.events.at(-1), { type: "unpayable", url: shop.url("b"), reason: "no_lightning" });
      await shop.counts({ payments: 1, accepted: 1, requests: 3 });
    },
  },
  {
    name: "a HEAD is paid for",
    async run(t) {
      const shop = openShop(t);
      const response = await shop.pay(shop.url("a"), { method: "HEAD" });
      t.equal(response.status, 200);
      t.equal(await response.text(), "");
      const { log } = await shop.counts({ payments: 1, accepted: 1 });
      t.same(
        log.map((entry) => entry.method),
        ["HEAD", "HEAD"],
      );
    },
  },
  {
    name: "an OPTIONS is not paid for",
    async run(t) {
      const shop = openShop(t);
      const response = await shop.pay(shop.url("a"), { method: "OPTIONS" });
      t.equal(response.status, 402);
      t.equal(await response.text(), "payment required\n");
      t.same(shop.events, [{ type: "unpayable", url: shop.url("a"), reason: "request_mode" }]);
      await shop.counts({ payments: 0, requests: 1 });
    },
  },
  {
    name: "the server's answer after the payment is handed back, and that call pays no more",
    async run(t) {
      for (const refuse of [400, 401, 402, 403]) {
        const shop = openShop(t);
        const response = await shop.pay(shop.url("a", { scope: "never", refuse }));
        t.equal(response.status, refuse);
        t.equal(response.bodyUsed, false);
        t.equal(t.pkg.receiptOf(response).paidNow, true);
        // 401 and 402 may come of a server that learns of the payment late: three more times, with pauses
        const refused = refuse === 401 || refuse === 402 ? 4 : 1;
        await shop.counts({ payments: 1, asked: 1, requests: 1 + refused, refused });
      }
      for (const after of [204, 404, 408, 429, 500, 503]) {
        const shop = openShop(t);
        const url = shop.url("a", { after });
        t.equal((await shop.pay(url)).status, after);
        const again = await shop.pay(url);
        t.equal(again.status, after);
        t.equal(t.pkg.receiptOf(again).paidNow, false);
        await shop.counts({ payments: 1, asked: 1 });
      }
    },
  },
];
