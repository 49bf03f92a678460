// Charges of MPP, at a paywall that signs its challenges: a credential that lacks any parameter is refused.
import { openShop } from "../shop.js";

export default [
  {
    name: "a charge is paid, attested by the server, and its credential used again",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scheme: "mpp" });
      for (const paidNow of [true, false, false]) {
        const response = await shop.pay(url);
        t.equal(response.status, 200);
        const receipt = t.pkg.receiptOf(response);
        t.equal(receipt.paidNow, paidNow);
        t.equal(receipt.payment.protocol, "mpp");
        const { reference, status, challengeId } = receipt.attested;
        t.same([reference, status, challengeId.length], [receipt.payment.paymentHash, "success", 64]);
      }
      const { log } = await shop.counts({ payments: 1, accepted: 3, refused: 0, requests: 4 });
      t.same(
        log.map(({ scheme }) => scheme),
        [null, "Payment", "Payment", "Payment"],
      );
      t.same(shop.types(), ["challenge", "quote", "paying", "paid", "reused", "reused"]);
    },
  },
  {
    name: "a charge that is good for one use is bought anew, once a call",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scheme: "mpp", scope: "single" });
      t.equal((await shop.pay(url)).status, 200);
      t.equal((await shop.pay(url)).status, 200);
      await shop.counts({ payments: 2, accepted: 2 });
    },
  },
  {
    name: "protocols says whether L402 or the charge beside it is taken",
    async run(t) {
      const shop = openShop(t);
      // Firefox shows a page no WWW-Authenticate if it came in two lines.
      if (t.runtime === "firefox") return;
      const url = shop.url("a", { scheme: "l402mpp" });
      for (const [protocols, taken] of [
        [undefined, "l402"],
        [["mpp", "l402"], "mpp"],
        [["l402"], "l402"],
        [["mpp"], "mpp"],
      ]) {
        const response = await shop.client({ ...(protocols && { protocols }) })(url);
        t.equal(t.pkg.receiptOf(response).payment.protocol, taken);
      }
      await shop.counts({ payments: 4, accepted: 4 });
    },
  },
  {
    name: "an L402 that fails its checks is passed over for the charge beside it",
    async run(t) {
      const shop = openShop(t);
      if (t.runtime === "firefox") return;
      const url = shop.url("a", { scheme: "l402mpp", mismatch: 1 });
      t.equal((await shop.pay(url)).status, 200);
      t.same(shop.types(), ["challenge", "passed_over", "quote", "paying", "paid"]);
      const { message, ...passed } = shop.events[1];
      t.same(passed, { type: "passed_over", url, protocol: "l402", code: "hash_mismatch" });
      t.ok(message.startsWith("the token commits to another payment hash"), message);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "a quote and parseChallenges show a charge, and nothing is paid",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scheme: "mpp", price: 12 });
      const quote = await shop.pay.quote(url);
      t.same([quote.protocol, quote.amountSat, quote.macaroon], ["mpp", 12, null]);
      const response = await shop.fetch(url);
      const [challenge] = await t.pkg.parseChallenges(response.headers.get("www-authenticate"));
      t.same([challenge.scheme, challenge.params.method], ["Payment", "lightning"]);
      const { invoice, ...offer } = challenge.offer;
      t.same(offer, { protocol: "mpp", intent: "charge" });
      t.ok(invoice.startsWith("lnbcrt"), invoice);
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "what a charge says must agree with its invoice",
    async run(t) {
      const shop = openShop(t);
      // The challenges of this shop say that they are for regtest.
      const error = await t.rejects(
        shop.client({ networks: ["bitcoin"] })(shop.url("a", { scheme: "mpp" })),
        "wrong_network",
      );
      t.equal(error.quote.amountSat, 10);
      const other = await t.rejects(
        shop.client({ networks: ["bitcoin"] })(shop.url("b", { scheme: "mpp", network: "bc" })),
        "invalid_challenge",
      );
      t.equal(other.message, "the payment challenge names another network than its invoice");
      t.equal(other.moneyMoved, "no");
      const lost = await t.rejects(
        shop.client({ proof: "none", wallet: async () => true })(shop.url("c", { scheme: "mpp" })),
        "no_preimage",
      );
      t.equal(lost.payment.state, "unknown");
      await shop.counts({ payments: 0 });
    },
  },
];
