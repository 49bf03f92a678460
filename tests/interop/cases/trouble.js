// What goes wrong between wallets, nodes and aperture: in Node, where processes can be started and killed.
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sqliteStore } from "l402-fetch/stores/sqlite";
import { assertBought, eventually, freezing, openMarket, replaying } from "../market.js";

const here = dirname(fileURLToPath(import.meta.url));

/** A store in a file of its own. */
async function newPath(t) {
  return join(await mkdtemp(join(t.folder, "store-")), "payments.db");
}

/**
 * Another process that buys `url` with its store in `path`, and freezes the seller before it pays; `event(type)` waits
 * for one of its own.
 */
function startBuyer(t, path, url) {
  const child = spawn(
    process.execPath,
    ["--no-warnings", join(here, "../child.js"), JSON.stringify(t.place), path, url],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async event(type) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the other process ended before ${type}`);
        if (value === type) return;
      }
    },
    async kill() {
      const ended = new Promise((done) => child.on("exit", done));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs a case that freezes or stops nodes; whatever becomes of it, the next one finds them as they were. */
const withNodes = (run) => async (t) => {
  try {
    await run(t);
  } finally {
    const market = await openMarket(t);
    await market.desk("thaw", { node: "seller" });
    await market.desk("start", { node: "buyer" });
  }
};

export default [
  {
    name: "a wrong preimage: aperture refuses it, and one from a wallet is never sent",
    async run(t) {
      const market = await openMarket(t);
      const wrong = "01".repeat(32);
      const { token } = await market.offer("weather");
      const authorization = `L402 ${token}:${wrong}`;
      t.equal((await market.ask("weather", authorization)).status, 402);
      // the caller's own credential is theirs to send: nothing is paid for it
      const response = await market.pay(market.url("weather"), { headers: { authorization } });
      t.equal(response.status, 402);
      t.equal(market.events.at(-1).reason, "authorization_set");

      market.sent.length = 0;
      const pay = market.client({ wallet: { pay: async () => ({ preimage: wrong }) } });
      await t.rejects(pay(market.url("weather")), "wrong_preimage");
      t.same(market.sent, [null]);
      t.equal((await pay.spent()).total, 12, "it may have been paid");
      await market.counts([], 0);
    },
  },
  ...[
    ["more than the channel holds", "dear", 5_000_000],
    ["more than the channel may give away", "tight", 995_000],
  ].map(([what, path, sat]) => ({
    name: `a payment without a route, ${what}: payment_failed, the amount is free, and the wallet goes on paying`,
    async run(t) {
      const market = await openMarket(t);
      const pay = market.client({ limits: { perPayment: 6_000_000, total: 6_000_000 } });
      for (let times = 0; times < 2; times++) {
        const error = await t.rejects(pay(market.url(path)), "payment_failed");
        t.equal(error.payment.state, "failed");
        t.equal((await pay.spent()).total, 0);
      }
      await assertBought(t, await pay(market.url("weather")), "/weather");
      t.equal((await pay.spent()).total, 12);
      await market.counts([-sat, -sat, 12], 1);
    },
  })),
  {
    name: "the seller frozen in mid-payment and the buyer's process gone: pending till it is back, then found, and paid once",
    timeout: 60_000,
    run: withNodes(async (t) => {
      const market = await openMarket(t);
      const [path, url] = [await newPath(t), market.url("weather")];
      const { header } = await market.offer("weather");
      const gone = startBuyer(t, path, url);
      await gone.event("paying");
      await market.flying();
      await gone.kill();

      const store = sqliteStore(path);
      // the other process may only be frozen, so it is waited for
      const early = market.client({ store, fetch: replaying(header), paymentTimeout: 1500 });
      const error = await t.rejects(early(url), "payment_unknown");
      t.equal(error.payment.amountMsat, 12_000);
      t.equal((await early.spent()).total, 12);

      await market.desk("thaw", { node: "seller" });
      await market.landed();
      const pay = market.client({ store });
      await assertBought(t, await pay(url), "/weather", false);
      t.same(
        (await pay.payments()).map(({ state }) => state),
        ["paid"],
      );
      await market.counts([12], 1);
    }),
  },
  {
    name: "the seller frozen for longer than paymentTimeout: payment_unknown, and the late answer is used",
    timeout: 60_000,
    run: withNodes(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const pay = market.client({ ...freezing(market), paymentTimeout: 1500 });
      const error = await t.rejects(pay(url), "payment_unknown");
      t.equal(error.payment.state, "unknown");
      t.equal((await pay.spent()).total, 12);
      await market.desk("thaw", { node: "seller" });
      await market.landed();
      await assertBought(t, await pay(url), "/weather", false);
      await market.counts([12], 1);
    }),
  },
  {
    name: "the buyer's lnd gone in mid-payment: unknown while it is, found when it is back, and paid once",
    timeout: 90_000,
    run: withNodes(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const { length: after } = await market.desk("quiet");
      const pay = market.client(freezing(market));
      const call = t.rejects(pay(url), "payment_unknown");
      await market.desk("committed", { after });
      await market.desk("stop", { node: "buyer" });
      t.equal((await call).payment.state, "unknown");
      await market.desk("thaw", { node: "seller" });
      await t.rejects(pay(url), "payment_unknown");
      t.equal((await pay.spent()).total, 12);

      await market.desk("start", { node: "buyer" });
      await market.landed();
      await assertBought(t, await pay(url), "/weather", false);
      t.equal((await pay.spent()).total, 12);
      await market.counts([12], 1);
    }),
  },
  {
    name: "lnd: an invoice that it is paying already is waited for, and not paid again",
    timeout: 60_000,
    run: withNodes(async (t) => {
      const market = await openMarket(t);
      const url = market.url("weather");
      const pay = market.client({
        async approve({ invoice }) {
          await market.desk("freeze", { node: "seller" });
          await market.desk("pay", { invoice: invoice.paymentRequest, wait: "no" });
          await market.flying();
          return true;
        },
      });
      await t.rejects(pay(url), "payment_unknown");
      t.equal((await pay.spent()).total, 12);
      await market.desk("thaw", { node: "seller" });
      await market.landed();
      await assertBought(t, await pay(url), "/weather", false);
      await market.counts([12], 1);
    }),
  },
  {
    name: "lnd: nobody there, or a certificate that nobody trusts: payment_failed, as nothing was sent",
    async run(t) {
      const market = await openMarket(t);
      for (const [url, why] of [
        [t.nowhere, "ECONNREFUSED"],
        [t.stranger, "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ]) {
        const pay = market.client({ wallet: t.lnd({ ...t.node, url }) });
        const error = await t.rejects(pay(market.url("weather")), "payment_failed");
        t.equal(error.message, `the wallet did not pay: lnd at ${url} could not be reached (${why})`);
        t.equal((await pay.spent()).total, 0);
      }
      await market.counts([], 0);
    },
  },
  {
    name: "twenty buyers at once over one channel: twenty payments; twenty calls of one buyer: one",
    timeout: 60_000,
    async run(t) {
      const market = await openMarket(t);
      const clients = Array.from({ length: 20 }, () => market.client());
      const responses = await Promise.all(clients.map((pay, number) => pay(market.url(`weather/${number}`))));
      for (const [number, response] of responses.entries()) await assertBought(t, response, `/weather/${number}`);
      const books = await market.counts(Array(20).fill(12), 20);
      t.equal(new Set(books.map(({ hash }) => hash)).size, 20, "payment hashes");

      const calls = await Promise.all(clients.map((_, number) => market.pay(market.url(`weather/${number}`))));
      t.same(
        calls.map(({ status }) => status),
        Array(20).fill(200),
      );
      t.equal(calls.filter((response) => t.pkg.receiptOf(response).paidNow).length, 1, "calls that paid");
      await market.counts(Array(21).fill(12), 40);
    },
  },
  {
    name: "a token that we attenuated is taken until its expiry, and not after; one that we widened never",
    async run(t) {
      const market = await openMarket(t);
      await assertBought(t, await market.pay(market.url("weather")), "/weather");
      const [, token, preimage] = /^L402 (.*):(.*)$/.exec(market.sent[1]);
      const until = Math.floor(Date.now() / 1000) + 4;
      const narrow = await t.pkg.attenuateMacaroon(token, [`weather_valid_until=${until}`]);
      t.equal((await t.pkg.decodeMacaroon(narrow)).expiresAt, until);
      const wide = await t.pkg.attenuateMacaroon(narrow, [`weather_valid_until=${until + 60}`]);
      t.equal((await t.pkg.decodeMacaroon(wide)).expiresAt, until);
      const other = await t.pkg.attenuateMacaroon(token, ["services=books:0"]);

      const status = async (macaroon) => (await market.ask("weather", `L402 ${macaroon}:${preimage}`)).status;
      t.equal(await status(narrow), 200);
      t.equal(await status(wide), 402);
      t.equal(await status(other), 402);
      await eventually("the end of the token", async () => (await status(narrow)) === 402);
      t.ok(Date.now() >= until * 1000, "not before its expiry");
      t.equal(await status(token), 200, "the token itself");
      await market.counts([12]);
    },
  },
  {
    name: "what the wallet can still spend is what the channel holds",
    async run(t) {
      const market = await openMarket(t);
      t.equal(await market.pay.balanceMsat(), (await market.desk("balance")).msat);
    },
  },
];
