// A page with a WebLN provider that pays from the buyer's lnd, and a user who does with it what users do.
import { webln } from "l402-fetch/wallets/webln";
import { assertBought, freezing, openMarket } from "../market.js";
import { purchases, thawing } from "./purchases.js";

/**
 * What wallet extensions put into a page. `enabled` and `asked` count; `answer`, where it is set, is what the user does
 * before the payment starts.
 */
function provider({ node }) {
  const lnd = async (path, body) => {
    const response = await fetch(node.url + path, {
      method: body ? "POST" : "GET",
      headers: { "grpc-metadata-macaroon": node.macaroon },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error((answer.error ?? answer).message);
    return answer;
  };
  return {
    enabled: 0,
    asked: 0,
    answer: null,
    async enable() {
      this.enabled += 1;
    },
    async sendPayment(invoice) {
      this.asked += 1;
      await this.answer?.();
      const order = {
        payment_request: invoice,
        timeout_seconds: 60,
        fee_limit_msat: "10000",
        no_inflight_updates: true,
      };
      const { result } = await lnd("/v2/router/send", order);
      if (result.status !== "SUCCEEDED") throw new Error(result.failure_reason);
      return { preimage: result.payment_preimage };
    },
    async getBalance() {
      const { local_balance: balance } = await lnd("/v1/balance/channels");
      return { balance: Number(balance.sat), currency: "sats" };
    },
  };
}

export default [
  ...purchases("webln", (t) => webln(provider(t)), { isSure: false, looksUp: false }),
  ...[
    ["in the wallet", "answer"],
    ["when the page asks to be let in", "enable"],
  ].map(([where, hook]) => ({
    name: `webln: a user who refuses ${where} can try again at once`,
    async run(t) {
      const market = await openMarket(t);
      const wallet = provider(t);
      const pay = market.client({ wallet: webln(wallet) });
      const was = wallet[hook];
      for (let times = 0; times < 2; times++) {
        wallet[hook] = async () => Promise.reject(new Error("User rejected"));
        await t.rejects(pay(market.url("weather")), "payment_failed");
        t.equal((await pay.spent()).total, 0);
      }
      wallet[hook] = was;
      await assertBought(t, await pay(market.url("weather")), "/weather");
      t.equal(wallet.asked, hook === "answer" ? 3 : 1);
      t.same(
        (await pay.payments()).map(({ state }) => state),
        ["paid", "failed", "failed"],
      );
      await market.counts([12], 1);
    },
  })),
  {
    name: "webln: window.webln, which comes late, is found, and pays",
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ wallet: webln() });
      const error = await t.rejects(pay(market.url("weather")), "payment_failed");
      t.ok(/no webln wallet/.test(error.message), error.message);
      globalThis.webln = provider(t);
      try {
        await assertBought(t, await pay(market.url("weather")), "/weather");
        t.same([globalThis.webln.enabled, globalThis.webln.asked], [1, 1]);
      } finally {
        delete globalThis.webln;
      }
      await market.counts([12], 1);
    },
  },
  {
    name: "webln: a window that is closed while the payment is on its way: unknown, not paid again, and told by hand",
    timeout: 60_000,
    run: thawing(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const wallet = provider(t);
      const send = wallet.sendPayment.bind(wallet);
      let close;
      const closed = new Promise((_, fail) => (close = () => fail(new Error("Prompt was closed"))));
      wallet.sendPayment = (invoice) => {
        const sent = send(invoice);
        sent.catch(() => {});
        return Promise.race([sent, closed]);
      };
      const pay = market.client({ wallet: webln(wallet), ...freezing(market) });
      const call = t.rejects(pay(url), "payment_unknown");
      const { hash } = await market.flying();
      close();
      t.equal((await call).cause.message, "Prompt was closed");
      await market.desk("thaw", { node: "seller" });
      const [{ preimage }] = await market.landed();
      await t.rejects(pay(url), "payment_unknown");
      t.equal((await pay.spent()).total, 12);
      await pay.resolve(hash, { preimage });
      await assertBought(t, await pay(url), "/weather", false);
      t.equal(wallet.asked, 1);
      await market.counts([12], 1);
    }),
  },
];
