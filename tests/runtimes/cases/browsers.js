// Pages only: CORS as aperture has it, headers that a page can't see, and the HTTP cache.
import { openShop } from "../shop.js";

export default [
  {
    name: "a challenge that the page can't see: the 402 comes back, unpayable: challenge_hidden",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { hidden: 1 });
      const response = await shop.pay(url);
      t.equal(response.status, 402);
      t.equal(await response.text(), "payment required\n");
      t.same(shop.events, [{ type: "unpayable", url, reason: "challenge_hidden" }]);
      await shop.counts({ payments: 0, asked: 0, requests: 1 });
    },
  },
  {
    name: "a server without CORS: fetch's own error, nothing is paid",
    async run(t) {
      const shop = openShop(t);
      const error = await t.rejects(shop.pay(shop.url("a", { cors: "none" })));
      t.ok(error instanceof TypeError && !(error instanceof t.pkg.L402Error), "fetch's own error");
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
  {
    name: "a paying GET asks leave for Authorization only, once it has paid",
    async run(t) {
      const shop = openShop(t);
      t.equal((await shop.pay(shop.url("a"))).status, 200);
      await shop.counts({ payments: 1, requests: 2, preflights: 1 });
    },
  },
  {
    name: "mode: no-cors is never paid for",
    async run(t) {
      const shop = openShop(t);
      const response = await shop.pay(shop.url("a"), { mode: "no-cors" });
      t.equal(response.type, "opaque");
      t.equal(t.pkg.receiptOf(response), undefined);
      t.same(shop.events, []);
      await shop.counts({ payments: 0, asked: 0, requests: 1 });
    },
  },
  {
    name: "credentials: include pays, if the server allows it",
    async run(t) {
      const shop = openShop(t);
      t.equal((await shop.pay(shop.url("a", { cors: "full" }), { credentials: "include" })).status, 200);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "the repeat and each reuse bypass a 402 in the HTTP cache: one payment",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { cache: 600 });
      t.equal((await shop.pay(url)).status, 200);
      for (let times = 0; times < 3; times++) {
        const response = await shop.pay(url);
        t.equal(response.status, 200);
        t.equal(t.pkg.receiptOf(response).paidNow, false);
      }
      await shop.counts({ payments: 1, asked: 1, refused: 0 });
    },
  },
  {
    name: "a 402 that another left in the HTTP cache is paid for once; Chromium keeps its challenge from everybody",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { cache: 600 });
      await (await shop.fetch(url)).text();
      const hides = t.runtime === "chromium";
      t.equal((await shop.pay(url)).status, hides ? 402 : 200);
      if (hides) t.same(shop.events, [{ type: "unpayable", url, reason: "challenge_hidden" }]);
      t.equal((await shop.pay(url, { cache: "no-store" })).status, 200);
      t.equal((await shop.pay(url)).status, 200);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
];
