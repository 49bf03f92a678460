// Offers of x402, at a paywall that binds its invoices to the request and compares every byte that comes back.
import { assertRefused, openShop } from "../shop.js";

const OPTIONS = { networks: ["bitcoin"] };

export default [
  {
    name: "an offer of x402 is paid, and its proof is taken once: each call pays for itself",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const url = shop.url("a", { scheme: "x402", n: "a b\u00e9'" });
      for (let call = 0; call < 3; call++) {
        const response = await shop.pay(url);
        t.equal(response.status, 200);
        const receipt = t.pkg.receiptOf(response);
        t.same([receipt.paidNow, receipt.payment.protocol], [true, "x402"]);
        t.same([receipt.attested.success, receipt.attested.transaction], [true, receipt.payment.paymentHash]);
      }
      const { log } = await shop.counts({ payments: 3, accepted: 3, refused: 0, requests: 6 });
      t.ok(log.every(({ authorization }) => authorization === null));
      t.same(shop.types().slice(0, 4), ["challenge", "quote", "paying", "paid"]);
    },
  },
  {
    name: "each kind of body is bound as it is sent, with the type that fetch gives it",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const url = shop.url("a", { scheme: "x402", bind: "content-type,x-tenant", cors: "full" });
      const headers = { "X-Tenant": " 7 " };
      for (const body of [
        "text \u00e9",
        "",
        new TextEncoder().encode("bytes"),
        new Blob(["blob"], { type: "text/x-own" }),
        new URLSearchParams({ a: "b c" }),
      ]) {
        const response = await shop.pay(url, { method: "POST", headers, body });
        t.equal(response.status, 200, `${body}`);
      }
      const request = new Request(url, { method: "PUT", headers: { ...headers, "content-type": "a/b" }, body: "x" });
      t.equal((await shop.pay(request)).status, 200);
      await shop.counts({ payments: 6, accepted: 6, refused: 0 });
    },
  },
  {
    name: "a body that is another each time it is sent is not paid for: body_not_replayable",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const body = new FormData();
      body.append("a", "b");
      const error = await t.rejects(
        shop.pay(shop.url("a", { scheme: "x402" }), { method: "POST", body }),
        "body_not_replayable",
      );
      await assertRefused(t, shop, error, "body_not_replayable");
      await shop.counts({ payments: 0, requests: 1 });
    },
  },
  {
    name: "a header that the runtime adds unseen is refused by its name, and one that the caller sets is bound",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const url = shop.url("a", { scheme: "x402", bind: "accept" });
      const error = await t.rejects(shop.pay(url), "invalid_challenge");
      t.ok(error.message.includes("header accept"), error.message);
      t.equal((await shop.pay(url, { headers: { accept: "text/x" } })).status, 200);
      await shop.counts({ payments: 1, accepted: 1, requests: 3 });
    },
  },
  {
    name: "x402 is paid beside an Authorization of the caller's own, and not beside its own payment",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const url = shop.url("a", { scheme: "x402" });
      const response = await shop.pay(url, { headers: { authorization: "Bearer own" } });
      t.equal(response.status, 200);
      t.equal((await shop.pay(url, { headers: { "payment-signature": "e30=" } })).status, 402);
      t.same(shop.events.at(-1).reason, "authorization_set");
      t.same(await shop.authorizations(), ["Bearer own", "Bearer own", null]);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "what does not agree with its invoice is refused before anything is paid",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      for (const [fault, code] of [
        ["amount", "invalid_challenge"],
        ["payto", "invalid_challenge"],
        ["hash", "hash_mismatch"],
        ["expiry", "invalid_challenge"],
        ["network", "invalid_challenge"],
        ["unknown", "wrong_network"],
        ["description", "hash_mismatch"],
        ["inline", "hash_mismatch"],
        ["future", "invalid_invoice"],
        ["url", "hash_mismatch"],
        ["params", "invalid_challenge"],
        ["base64", "invalid_challenge"],
      ]) {
        const error = await t.rejects(shop.pay(shop.url(fault, { scheme: "x402", fault })), code);
        t.equal(error.moneyMoved, "no", fault);
      }
      await shop.counts({ payments: 0, asked: 0, requests: 12 });
    },
  },
  {
    name: "L402 beside x402 is taken first, x402 where protocols says so or L402 fails its checks",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const url = shop.url("a", { scheme: "l402x402" });
      for (const [protocols, taken] of [
        [undefined, "l402"],
        [["x402", "l402"], "x402"],
        [["x402"], "x402"],
      ]) {
        const response = await shop.client({ ...OPTIONS, ...(protocols && { protocols }) })(url);
        t.equal(t.pkg.receiptOf(response).payment.protocol, taken);
      }
      const mismatch = shop.url("b", { scheme: "l402x402", mismatch: 1 });
      t.equal(t.pkg.receiptOf(await shop.pay(mismatch)).payment.protocol, "x402");
      await shop.counts({ payments: 4, accepted: 4 });
    },
  },
  {
    name: "a redirect within the origin: the address that answered is bound, and gets the proof",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      for (const status of [301, 302, 303, 307, 308]) {
        const to = `${shop.path(`new${status}`)}?scheme=x402`;
        const response = await shop.pay(shop.url("old", { redirect: to, status }));
        t.equal(response.status, 200, `${status}`);
        t.equal(response.url, `${t.base}${to}`);
      }
      await shop.counts({ payments: 5, accepted: 5, requests: 15 });
    },
  },
  {
    name: "a proof whose answer was lost is shown again, and nothing is paid twice",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      // A runtime may try again by itself, on each connection that it has kept.
      const url = shop.url("a", { scheme: "x402", drop: 8 });
      const error = await t.rejects(shop.pay(url, { method: "POST", body: "x" }), "request_failed");
      t.equal(error.moneyMoved, "yes");
      let response;
      for (let times = 0; times < 9 && !response; times++)
        response = await shop.pay(url, { method: "POST", body: "x" }).catch(() => {});
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      await shop.counts({ payments: 1, accepted: 1, dropped: 8 });
    },
  },
  {
    name: "parseChallenges of a Response shows every entry, and recoverPayee the node that is paid",
    async run(t) {
      const shop = openShop(t, OPTIONS);
      const response = await shop.fetch(shop.url("a", { scheme: "x402" }));
      for (const from of [response, response.headers]) {
        const [foreign, own] = await t.pkg.parseChallenges(from);
        t.same([foreign.scheme, foreign.params.network, foreign.offer], ["exact", "eip155:8453", undefined]);
        t.same([own.scheme, own.params.asset, own.offer.protocol], ["exact", "BTC", "x402"]);
        t.equal(await t.pkg.recoverPayee(own.offer.invoice), own.offer.payTo);
        t.equal(own.params.payTo, own.offer.payTo);
      }
      t.same(await t.pkg.parseChallenges(new Headers()), []);
      const both = await t.pkg.parseChallenges(await shop.fetch(shop.url("a", { scheme: "l402x402" })));
      t.same(
        both.map(({ offer }) => offer?.protocol),
        ["l402", undefined, "x402"],
      );
      await t.rejects(t.pkg.recoverPayee("lnbc1"), "invalid_invoice");
      const quote = await shop.pay.quote(shop.url("a", { scheme: "x402", price: 12 }));
      t.same([quote.protocol, quote.amountSat, quote.macaroon], ["x402", 12, null]);
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "a charge whose credential goes into Payment-Authorization is paid there, beside the caller's own Authorization",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scheme: "mpp", in: "payment-authorization" });
      for (const paidNow of [true, false]) {
        const response = await shop.pay(url, { headers: { authorization: "Bearer own" } });
        t.equal(response.status, 200);
        t.equal(t.pkg.receiptOf(response).paidNow, paidNow);
      }
      await shop.counts({ payments: 1, accepted: 2, refused: 0 });
    },
  },
  {
    name: "a charge with a digest is for the body that is sent",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scheme: "mpp", digest: 1 });
      t.equal((await shop.pay(url, { method: "POST", body: "one" })).status, 200);
      await shop.counts({ payments: 1, accepted: 1, refused: 0 });
    },
  },
  {
    name: "a charge in Payment-Authorization does not follow to another origin, however often it was used",
    async run(t) {
      let sends = 0;
      const shop = openShop(t, {
        fetch: (input, init) => {
          const away = shop.free("away", {}, t.other);
          // 402, paid, and the same token twice
          const isOwn = String(input.url ?? input).includes("/shop/");
          const url = !isOwn || sends++ < 3 ? input : shop.url("old", { redirect: away, status: 307 });
          return shop.fetch(url, init);
        },
      });
      const url = shop.url("a", { scheme: "mpp", in: "payment-authorization" });
      for (let call = 0; call < 3; call++) await shop.pay(url);
      const { log } = await shop.counts({ payments: 1 });
      t.equal(log.at(-1).path, `/free/${shop.id}/away`);
      t.equal(log.at(-1).paymentAuthorization, null, "the other origin saw the credential");
    },
  },
];
