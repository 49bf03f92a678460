// `npm run demo -- --real`, and the demo with an lnd of one's own: what its page buys, in Chromium, and what lnd's
// books have of it.
import { request } from "node:http";
import { join } from "node:path";
import { readChoice } from "../../scripts/demo-options.mjs";
import { startReal } from "../../scripts/demo-real.mjs";
import { RunError } from "../../scripts/lib.mjs";
import { names, openPage, step } from "../demo/page.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { runSuite } from "../runtimes/harness.js";
import { SERVICES } from "./aperture.mjs";

const BOUGHT = ["request", "challenge", "invoice", "macaroon", "limits", "payment", "repeat", "answer"];
const { price } = SERVICES.weather;

/** The options that point the demo at the buyer's node. */
const ownNode = ({ buyer }) => ({
  lnd: buyer.restUrl,
  macaroon: join(buyer.macaroonDir, "admin.macaroon"),
  cert: buyer.certPath,
});

/** Runs `use` with the demo that these options start, and a page of it; both are closed. */
async function withDemo(t, values, use) {
  const demo = await startReal(readChoice(values, {}));
  const page = await openPage(t.browser, demo.url);
  try {
    await use(page, demo);
    t.same(page.offences, [], "console and foreign requests");
  } finally {
    await page.close();
    await demo.close();
  }
}

/** What the node's books have since now, when it is called: the state and the satoshis of each payment. */
async function bookmark(node) {
  const after = (await node.payments()).at(-1)?.index ?? 0;
  return async () => (await node.payments(after)).map(({ state, amountMsat }) => [state, amountMsat / 1000]);
}

/** Buys in the page, which must tell of every step; resolves with the run. */
async function buy(t, page, n = 1) {
  const run = await page.ask(n);
  t.same(names(run), BOUGHT);
  t.ok(
    run.steps.every(({ state }) => state === "done"),
    "every step is done",
  );
  t.equal(run.outcome, `paid ${price} sat`);
  t.equal(step(run, "invoice").facts.Network, "regtest");
  t.equal(step(run, "payment").facts.Wallet, "lnd");
  return run;
}

/** The status that a browser gets which came by this name; fetch does not let a caller say it. */
const statusFor = (host, url) =>
  new Promise((done, fail) => {
    request(`${url}/config.json`, { headers: { host } }, (response) => done(response.resume().statusCode))
      .on("error", fail)
      .end();
  });

const cases = [
  {
    name: "demo --real: the page buys at aperture over the channel once, then uses its ticket; a limit below the price refuses",
    timeout: 90_000,
    run: (t) =>
      withDemo(t, { real: true }, async (page, { network: { buyer } }) => {
        const books = await bookmark(buyer);
        const before = (await buyer.balanceMsat()) / 1000;
        t.equal((await page.text("#holds dd")).replace(/\D/g, ""), String(before), "what the node can send");
        const run = await buy(t, page);
        t.ok(/Longyearbyen.*Monday ?snow/.test(step(run, "answer").text), "the forecast");
        const [{ hash, preimage }] = await buyer.payments();
        const { full, facts } = step(run, "payment");
        t.equal(full.Preimage, preimage, "lnd's own preimage");
        t.equal(full["Its SHA-256"], hash);
        t.equal(facts.Fee, "0 sat (at most 5 sat allowed)");
        t.equal((await page.ask(2)).outcome, "paid nothing");
        t.same(await page.standing(), { ticket: "held", payments: "1", spent: `${price} sat` });
        t.equal((await page.text("#holds dd")).replace(/\D/g, ""), String(before - price), "what the node can send");

        await page.page.click("#forget");
        await page.page.waitForFunction("document.querySelector('#ticket').textContent === 'none'");
        await page.page.click("#below");
        t.equal((await page.ask(1)).outcome, "over_limit");
        t.same(await books(), [["SUCCEEDED", price]]);
      }),
  },
  {
    name: "demo with an lnd of one's own: the page buys where --shop says, and knows of it after a reload",
    run: (t) =>
      withDemo(t, { ...ownNode(t.network), shop: `${t.place.plain}/weather/today?in=Paris` }, async (page) => {
        const books = await bookmark(t.network.buyer);
        const run = await buy(t, page);
        t.ok(/"bought":true.*"\/weather\/today\?in=Paris"/.test(step(run, "answer").text), "what the shop answers");
        t.ok(
          !(await page.page.content()).includes((await t.network.buyer.payments()).at(-1).preimage),
          "the preimage is not shown",
        );
        t.ok(/\bregtest, so no real money can move/.test(await page.text("#wallet-note")), "what kind of money");
        await page.page.reload();
        await page.page.waitForSelector("[data-ready]");
        t.same(await page.standing(), { ticket: "held", payments: "1", spent: `${price} sat` });
        t.equal((await page.ask(1)).outcome, "paid nothing");
        t.same(await books(), [["SUCCEEDED", price]]);
      }),
  },
  {
    name: "demo with two nodes of one's own: aperture is started for the seller, and the page buys the forecast",
    run(t) {
      const { seller } = t.network;
      const values = {
        ...ownNode(t.network),
        seller: seller.grpc,
        "seller-cert": seller.certPath,
        "seller-macaroons": seller.macaroonDir,
      };
      return withDemo(t, values, async (page) => {
        const books = await bookmark(t.network.buyer);
        t.ok(/Longyearbyen/.test(step(await buy(t, page), "answer").text), "the forecast");
        t.same(await books(), [["SUCCEEDED", price]]);
      });
    },
  },
  {
    name: "demo: the page can't do more with the node than pay, look up and read the balance, and nobody else can do that",
    run: (t) =>
      withDemo(t, { ...ownNode(t.network), shop: `${t.place.plain}/weather` }, async (_page, { url }) => {
        const { buyer } = t.network;
        const text = await (await fetch(`${url}/config.json`)).text();
        t.equal(text.includes(buyer.macaroonHex), false, "the macaroon in the page's hands");
        const { macaroon } = JSON.parse(text).lnd;
        const status = async (path, init = {}) => (await fetch(url + path, init)).status;
        const headers = { "grpc-metadata-macaroon": macaroon };
        t.equal(await status("/lnd/v1/balance/channels", { headers }), 200);
        for (const path of [
          "/v1/getinfo",
          "/v1/balance/blockchain",
          "/v1/channels",
          "/v2/router/send",
          "/v1/balance/channels/../../getinfo",
        ]) {
          t.equal(await status(`/lnd${path}`, { headers }), 404, path);
        }
        t.equal(await status("/lnd/v1/transactions", { headers, method: "POST", body: "{}" }), 404);
        for (const sent of [
          {},
          { "grpc-metadata-macaroon": buyer.macaroonHex },
          { "grpc-metadata-macaroon": "0".repeat(64) },
        ]) {
          t.equal(await status("/lnd/v1/balance/channels", { headers: sent }), 403);
        }
        t.equal(await status("/shop/books"), 404, "another ware than the one that was named");
        t.equal(await status("/package/../../package.json"), 404);
        t.equal(await statusFor("evil.example", url), 403, "a name that was made to point here");
      }),
  },
  {
    name: "demo: a node that refuses, or whose certificate is not known, is named before the page is there",
    async run(t) {
      const own = { ...ownNode(t.network), shop: `${t.place.plain}/weather` };
      const refused = async (values) => {
        const error = await t.rejects(startReal(readChoice(values, {})));
        t.ok(error instanceof RunError, error.stack);
        return error.message;
      };
      t.ok(
        /answered \d+ when asked who it is: .*(verification failed|macaroon)/.test(
          await refused({ ...own, macaroon: "00".repeat(40) }),
        ),
        "lnd's own words",
      );
      t.ok(
        /can't be reached: .*name its tls\.cert with --cert/.test(await refused({ ...own, cert: undefined })),
        "what to do",
      );
    },
  },
];

/** Resolves with the results. */
export async function testDemo({ network, place }) {
  const { browser, close } = await openBrowser("chromium");
  try {
    return await runSuite(cases, { browser, network, place }, { atOnce: 1, timeout: 60_000 });
  } finally {
    await close();
  }
}
