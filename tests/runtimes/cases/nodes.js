// The wallet modules over this runtime's own fetch: streams, redirects, connections that break.
import { cln } from "l402-fetch/wallets/cln";
import { lnbits } from "l402-fetch/wallets/lnbits";
import { lnd } from "l402-fetch/wallets/lnd";
import { phoenixd } from "l402-fetch/wallets/phoenixd";
import { openShop } from "../shop.js";

const MACAROON = "0201036c6e640000";

/** A shop, and an lnd that pays there, well or badly. */
function openNode(t, how) {
  const shop = openShop(t);
  const wallet = lnd({ url: `${t.nodes}/${shop.id}/${how}`, macaroon: MACAROON });
  return { shop, wallet, pay: (more) => shop.client({ wallet, ...more }) };
}

export default [
  {
    name: "lnd, Core Lightning, phoenixd and LNbits pay, and report their fees",
    async run(t) {
      const shop = openShop(t);
      const url = `${t.nodes}/${shop.id}/good`;
      const wallets = [
        lnd({ url, macaroon: MACAROON }),
        cln({ url, rune: "cnVuZQ==" }),
        phoenixd({ url, password: "x" }),
        lnbits({ url, adminKey: "x" }),
      ];
      for (const [index, wallet] of wallets.entries()) {
        const response = await shop.client({ wallet })(shop.url(`a${index}`));
        t.equal(response.status, 200);
        t.equal(t.pkg.receiptOf(response).payment.feeMsat, 2_000);
      }
      await shop.counts({ payments: 4, accepted: 4 });
      t.equal(await wallets[0].balanceMsat(), 980_500);
    },
  },
  {
    name: "lnd: a preimage in base64, and a stream that comes in pieces and never ends",
    async run(t) {
      for (const how of ["base64", "slow"]) {
        const { shop, pay } = openNode(t, how);
        t.equal((await pay()(shop.url("a"))).status, 200, how);
        await shop.counts({ payments: 1, accepted: 1 });
      }
    },
  },
  {
    name: "lnd: a failure is certain",
    async run(t) {
      const { shop, pay } = openNode(t, "failed");
      const error = await t.rejects(pay()(shop.url("a")), "payment_failed");
      t.equal(error.message, "the wallet did not pay: lnd gave up: no route");
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "lnd: a lost answer is looked up, and paid for once",
    async run(t) {
      for (const how of ["cut", "truncated", "page", "twice"]) {
        const { shop, wallet, pay } = openNode(t, how);
        // On a kept connection some runtimes send a request again if the connection breaks.
        await wallet.balanceMsat();
        const response = await pay()(shop.url("a"));
        t.equal(response.status, 200, how);
        t.equal(t.pkg.receiptOf(response).paidNow, true);
        await shop.counts({ payments: 1, accepted: 1 });
      }
    },
  },
  {
    name: "lnd: an answer that never ends is given up when its time is over, and looked up",
    async run(t) {
      const { shop, pay } = openNode(t, "hangs");
      const response = await pay({ paymentTimeout: 1_500 })(shop.url("a"));
      t.equal(response.status, 200);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "lnd: a redirect is not followed",
    async run(t) {
      const { shop, wallet, pay } = openNode(t, "redirect");
      const error = await t.rejects(pay()(shop.url("a")), "payment_failed");
      t.ok(error.message.endsWith("a redirect, which is not followed: give the url it leads to"), error.message);
      await t.rejects(wallet.lookup("ab".repeat(32)));
      await t.rejects(wallet.balanceMsat());
      t.same(await (await shop.fetch(`${t.nodes}/strays`)).json(), { count: 0 });
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "lnd: a port where nobody listens: nothing was paid, and in Node, which sends nothing twice, that is certain",
    async run(t) {
      const shop = openShop(t);
      // A port that the system gives to no server.
      const pay = shop.client({ wallet: lnd({ url: "http://127.0.0.1:3", macaroon: MACAROON }) });
      const error = await t.rejects(pay(shop.url("a")), t.runtime === "node" ? "payment_failed" : "payment_unknown");
      t.ok(/lnd at http:\/\/127\.0\.0\.1:3 could not be reached/.test(error.cause.message), error.cause.message);
      t.ok(
        !JSON.stringify([error, error.message, error.cause.message, error.stack]).includes(MACAROON),
        "no credential",
      );
      await shop.counts({ payments: 0 });
    },
  },
];
