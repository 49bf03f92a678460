// Offers that are refused before any money moves, and 402s that go back untouched.
import { assertRefused, isBrowser, openShop } from "../shop.js";

/** A fetch that reaches the paywall under another URL. Its answers don't show the URL that they came from. */
const behind = (shop, from, to) => async (input, init) => {
  const response = await shop.fetch(String(input).replace(from, to), init);
  return new Response(response.body, { status: response.status, headers: response.headers });
};

const refused = (name, code, settings, options) => ({
  name: `${name}: ${code}, nothing is paid`,
  async run(t) {
    const shop = openShop(t, options);
    const error = await t.rejects(shop.pay(shop.url("a", settings)), code);
    await assertRefused(t, shop, error, code);
    await shop.counts({ payments: 0, asked: 0, requests: 1 });
  },
});

const declined = (name, approve, cause) => ({
  name: `approve ${name}: declined, nothing is paid`,
  async run(t) {
    const asked = [];
    const shop = openShop(t, {
      approve: (quote) => {
        asked.push(quote);
        return approve();
      },
      limits: { perPayment: 100, total: 10 },
    });
    const error = await t.rejects(shop.pay(shop.url("a")), "declined");
    t.equal("cause" in error, cause !== undefined, "error has a cause");
    t.equal(error.cause, cause);
    await assertRefused(t, shop, error, "declined");
    t.same(shop.types(), ["challenge", "quote", "refused"]);
    t.same(asked, [shop.events[1].quote]);
    await shop.counts({ payments: 0, asked: 0, requests: 1 });
    // The reservation is free again.
    approve = () => true;
    t.equal((await shop.pay(shop.url("a"))).status, 200);
    await shop.counts({ payments: 1, asked: 1 });
  },
});

const thrown = new Error("no");

const untouched = (name, settings, reason) => ({
  name: `${name} comes back untouched`,
  async run(t) {
    const shop = openShop(t);
    const url = shop.url("a", settings);
    const response = await shop.pay(url);
    t.equal(response.status, 402);
    t.equal(response.bodyUsed, false);
    t.equal(response.headers.get("content-type"), "text/plain");
    t.equal(await response.text(), "payment required\n");
    t.equal(t.pkg.receiptOf(response), undefined);
    t.same(shop.events, [{ type: "unpayable", url, reason: typeof reason === "function" ? reason(t) : reason }]);
    t.same(await shop.pay.payments(), []);
    await shop.counts({ payments: 0, asked: 0, requests: 1 });
  },
});

export default [
  refused("an invoice for another network", "wrong_network", { network: "bc" }),
  refused("a regtest invoice where only bitcoin may be paid", "wrong_network", {}, { networks: undefined }),
  refused(
    "a testnet invoice where signet may be paid",
    "wrong_network",
    { network: "tb" },
    { networks: ["signet", "simnet"] },
  ),
  refused("an invoice without an amount", "no_amount", { amount: "none" }),
  refused("an expired invoice", "invoice_expired", { age: 7200 }),
  refused("an invoice that expires within 5 s", "invoice_expired", { expiry: 4 }),
  ...["v2", "v1", "json", "hexid", "pair"].map((token) =>
    refused(`a ${token} token that commits to another hash`, "hash_mismatch", { token, mismatch: 1 }),
  ),
  ...[
    ["two tokens in a row", "{token}{token}"],
    ["a token with more behind it", "{token}.c2ln"],
    ["two tokens joined", "b3BhcXVl,{token}"],
  ].map(([name, token]) =>
    refused(`${name} that commit to another hash`, "hash_mismatch", {
      mismatch: 1,
      header: `L402 token="${token}", invoice="{invoice}"`,
    }),
  ),
  refused("an invoice that demands AMP", "invalid_invoice", { amp: 1 }),
  refused("an invoice that offers AMP beside an ordinary payment", "invalid_invoice", { amp: "optional" }),
  refused("an invoice that is none", "invalid_invoice", { header: 'L402 token="{token}", invoice="lnbcrt1nonsense"' }),
  refused("a challenge without an invoice", "invalid_challenge", { header: 'L402 token="{token}"' }),
  refused("a challenge without a token", "invalid_challenge", { header: 'L402 invoice="{invoice}"' }),
  refused("token and macaroon that differ", "invalid_challenge", {
    header: 'L402 token="{token}", macaroon="x", invoice="{invoice}"',
  }),
  ...["a b", "{token} ", "a, {token}", 'a\\"b', "a\tb", "\u00e9"].map((token) =>
    refused(`the token ${JSON.stringify(token)}, which no credential can hold`, "invalid_challenge", {
      header: `L402 token="${token}", invoice="{invoice}"`,
    }),
  ),
  refused("a token that has expired already", "invalid_macaroon", { valid_until: 0 }),
  ...[
    "expires = 1700000000",
    "expires_at=1700000000",
    "expiresAt=1700000000999",
    "exp=1700000000",
    "expiration=1700000000",
    "exp = 2023-11-14T22:13:20Z",
    "expires = 2023-11-14T22:13:20.5",
  ].map((caveat) => refused(`a token with the caveat ${caveat}`, "invalid_macaroon", { caveat })),
  refused("a price above the limit", "over_limit", { price: 101 }),
  refused("a price above the limit by a millisatoshi", "over_limit", { msat: 100_001 }),
  refused("a price where nothing may be spent", "over_limit", { price: 1 }, { limits: { perPayment: 0 } }),
  refused("a host that is not listed", "host_not_allowed", {}, { hosts: ["api.example.com"] }),
  refused(
    "loopback where only other hosts are listed",
    "host_not_allowed",
    {},
    { hosts: ["*.example.com", "localhost"] },
  ),
  refused("a port that is not listed", "host_not_allowed", {}, { hosts: ["127.0.0.1:1"] }),
  refused("any host where none is listed", "host_not_allowed", {}, { hosts: [] }),
  declined("says false", () => false),
  declined("says false later", async () => false),
  declined("says nothing", () => undefined),
  declined("says 1", () => 1),
  declined("says a text", async () => "true"),
  declined("says an object", () => ({})),
  declined(
    "throws",
    () => {
      throw thrown;
    },
    thrown,
  ),
  declined("rejects", () => Promise.reject(thrown), thrown),
  {
    name: "approve says true, at once or later: paid",
    async run(t) {
      const shop = openShop(t);
      t.equal((await shop.client({ approve: () => true })(shop.url("a"))).status, 200);
      t.equal((await shop.client({ approve: async () => true })(shop.url("a"))).status, 200);
      await shop.counts({ payments: 2 });
    },
  },
  {
    name: "approve is told the fee reserve and the rest of the limits, and its signal stays silent",
    async run(t) {
      const asked = [];
      const shop = openShop(t, {
        limits: { perPayment: 50, perHour: 60, total: 40, perOrigin: { perHour: 30 } },
        approve: (quote, context) => {
          asked.push([quote.amountSat, context]);
          return true;
        },
      });
      t.equal((await shop.pay(shop.url("a", { scope: "path", msat: 9_001 }))).status, 200);
      t.equal((await shop.pay(shop.url("b", { scope: "path" }))).status, 200);
      t.same(
        asked.map(([sat, { maxFeeMsat, remaining }]) => [sat, maxFeeMsat, remaining]),
        [
          [10, 5_000, { payment: 30, hour: 30, day: null, total: 40, payments: null }],
          [10, 5_000, { payment: 20, hour: 20, day: null, total: 30, payments: null }],
        ],
      );
      t.ok(
        asked.every(([, { signal }]) => !signal.aborted),
        "no signal fired",
      );
      await shop.counts({ payments: 2 });
    },
  },
  {
    name: "a refusal tells price and invoice, if they are known",
    async run(t) {
      const shop = openShop(t, { limits: { perPayment: 5 } });
      const error = await t.rejects(shop.pay(shop.url("a", { msat: 9_001 })), "over_limit");
      t.same(error.quote, shop.events.find(({ type }) => type === "quote").quote);
      t.same([error.quote.amountMsat, error.quote.amountSat], [9_001, 10]);
      t.equal(error.message, "paying 9.001 sat would exceed limits.perPayment of 5 sat");
      t.equal((await t.rejects(shop.pay(shop.url("a", { mismatch: 1 })), "hash_mismatch")).quote.amountSat, 10);
      t.equal((await t.rejects(shop.client({ hosts: [] })(shop.url("a")), "host_not_allowed")).quote.amountSat, 10);
      t.ok(
        !("quote" in (await t.rejects(shop.pay(shop.url("a", { amount: "none" })), "no_amount"))),
        "no price, no quote",
      );
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "a no-cors request of the page's own origin that meets a 402: it comes back, unpayable: request_mode",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a");
      // as a page's own server answers it, whose answers are no opaque ones
      const pay = shop.client({ fetch: (input) => shop.fetch(input) });
      const response = await pay(url, { mode: "no-cors" });
      t.equal(await response.text(), "payment required\n");
      t.same(shop.events, [{ type: "unpayable", url, reason: "request_mode" }]);
      await shop.counts({ payments: 0, asked: 0, requests: 1 });
    },
  },
  {
    name: "approve is asked after every other check",
    async run(t) {
      const shop = openShop(t, { approve: () => t.ok(false, "asked") });
      await t.rejects(shop.pay(shop.url("a", { price: 101 })), "over_limit");
      await t.rejects(shop.pay(shop.url("a", { mismatch: 1 })), "hash_mismatch");
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "hosts that are listed are paid: with and without port, as origin, by wildcard",
    async run(t) {
      const shop = openShop(t);
      const port = new URL(t.base).port;
      for (const hosts of [["127.0.0.1"], [`127.0.0.1:${port}`], [t.base], ["example.com", "127.0.0.1"]]) {
        t.equal((await shop.client({ hosts })(shop.url("a"))).status, 200, hosts.join());
      }
      const named = { hosts: ["*.shop.test"], fetch: behind(shop, "https://a.b.shop.test", t.base) };
      t.equal((await shop.client(named)(shop.url("a", {}, "https://a.b.shop.test"))).status, 200);
      const bare = { hosts: ["*.shop.test"], fetch: behind(shop, "https://shop.test", t.base) };
      await t.rejects(shop.client(bare)(shop.url("a", {}, "https://shop.test")), "host_not_allowed");
      await shop.counts({ payments: 5 });
    },
  },
  {
    name: "plain http beyond loopback is never paid, listed or not: insecure_transport",
    async run(t) {
      for (const hosts of [undefined, ["shop.test"], ["http://shop.test"]]) {
        const shop = openShop(t);
        shop.pay = shop.client({ hosts, fetch: behind(shop, "http://shop.test", t.base) });
        const error = await t.rejects(shop.pay(shop.url("a", {}, "http://shop.test")), "insecure_transport");
        await assertRefused(t, shop, error, "insecure_transport");
        await shop.counts({ payments: 0, asked: 0, requests: 1 });
      }
    },
  },
  {
    name: "plain http is paid if the host is named for it, and .onion always; a token goes there again",
    async run(t) {
      for (const [base, insecureHosts] of [
        ["http://umbrel.local", ["*.local"]],
        ["http://shop.onion", undefined],
      ]) {
        const shop = openShop(t);
        const pay = shop.client({ insecureHosts, fetch: behind(shop, base, t.base) });
        t.equal((await pay(shop.url("a", {}, base))).status, 200);
        t.equal(t.pkg.receiptOf(await pay(shop.url("a", {}, base))).paidNow, false);
        await shop.counts({ payments: 1, requests: 3, accepted: 2 });
      }
      const shop = openShop(t);
      const other = shop.client({
        insecureHosts: ["umbrel.local:1"],
        fetch: behind(shop, "http://umbrel.local", t.base),
      });
      await t.rejects(other(shop.url("a", {}, "http://umbrel.local")), "insecure_transport");
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "https anywhere is paid by default",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ fetch: behind(shop, "https://shop.test", t.base) });
      t.equal((await pay(shop.url("a", {}, "https://shop.test"))).status, 200);
      t.equal((await pay.spent("https://shop.test/")).total, 10);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "an invoice over a hash that was bought from another origin: hash_mismatch",
    async run(t) {
      const shop = openShop(t);
      const first = await shop.pay(shop.url("a"));
      const { paymentHash } = t.pkg.receiptOf(first).payment;
      const error = await t.rejects(shop.pay(shop.url("b", { hash: paymentHash }, t.other)), "hash_mismatch");
      t.equal(error.payment.paymentHash, paymentHash);
      const { log } = await shop.counts({ payments: 1, asked: 1, requests: 3 });
      t.equal(log[2].authorization, null);
    },
  },
  {
    name: "an invoice over a hash that was bought here already is not paid again",
    async run(t) {
      const shop = openShop(t);
      const { paymentHash } = t.pkg.receiptOf(await shop.pay(shop.url("a", { scope: "path" }))).payment;
      const response = await shop.pay(shop.url("b", { scope: "path", hash: paymentHash }));
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
  untouched("a 402 without a challenge", { nochallenge: 1 }, (t) =>
    isBrowser(t) ? "challenge_hidden" : "no_challenge",
  ),
  untouched("a 402 for Basic", { header: 'Basic realm="x"' }, "no_lightning"),
  untouched("a 402 with a token68 in place of an offer", { header: "L402 price-only" }, "no_lightning"),
  {
    name: "a HEAD's 402 with a token68 in place of an offer comes back with its headers, and the GET pays",
    async run(t) {
      const shop = openShop(t);
      const response = await shop.pay(shop.url("a", { header: "L402 price-only" }), { method: "HEAD" });
      t.equal(response.status, 402);
      t.equal(response.headers.get("www-authenticate"), "L402 price-only");
      await shop.counts({ payments: 0, asked: 0, requests: 1 });
      t.equal((await shop.pay(shop.url("a"))).status, 200);
      await shop.counts({ payments: 1, asked: 1, requests: 3 });
    },
  },
  untouched(
    "a 402 of an unknown scheme that looks like ours",
    { header: 'XL402 token="{token}", invoice="{invoice}"' },
    "no_lightning",
  ),
  {
    name: "the caller's own Authorization wins: no token, no payment, the 402 comes back",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a");
      const own = "Bearer of the caller";
      const inits = [
        { headers: { authorization: own } },
        { headers: { AUTHORIZATION: own } },
        { headers: [["Authorization", own]] },
        { headers: new Headers({ authorization: own }) },
      ];
      for (const init of inits) {
        shop.events.length = 0;
        const response = await shop.pay(url, init);
        t.equal(response.status, 402);
        t.equal(await response.text(), "payment required\n");
        t.same(shop.events, [{ type: "unpayable", url, reason: "authorization_set" }]);
      }
      // Most runtimes refuse a user in a URL; those that don't make an Authorization of it.
      const withUser = await shop.pay(url.replace("://", "://user:secret@")).catch((error) => error);
      t.ok(withUser.status === 402 || withUser.name === "TypeError", withUser.name ?? withUser.status);
      const { requests } = await shop.counts({ payments: 0, asked: 0 });
      t.ok(requests === 4 || requests === 5, `${requests} requests`);
      t.equal((await shop.pay(new Request(url, inits[0]))).status, 402);
      await shop.counts({ payments: 0, asked: 0, requests: requests + 1 });

      t.equal((await shop.pay(url)).status, 200);
      t.equal((await shop.pay(url, inits[0])).status, 402);
      const { log } = await shop.counts({ payments: 1, asked: 1, requests: requests + 4 });
      t.same(
        log.slice(0, 4).map((entry) => entry.authorization),
        Array(4).fill(own),
      );
      t.equal(log.at(-1).authorization, own);
    },
  },
];
