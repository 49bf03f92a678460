// What payments() tells: by page, newest first, and by its filter.
import { openShop } from "../shop.js";

const NOT_FILTERS = {
  filter: [null, 5, "paid"],
  "filter.states": [{ states: "paid" }],
  "filter.origin": [{ origin: "a.example" }, { origin: 5 }, { origin: null }],
  "filter.state": [{ state: "settled" }, { state: null }, { state: ["paid"] }],
  "filter.since": [{ since: -1 }, { since: 0.5 }, { since: "1" }, { since: NaN }, { since: new Date() }],
  "filter.before": [{ before: "" }, { before: "00" }, { before: 5 }, { before: "g".repeat(64) }],
  "filter.limit": [{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }, { limit: Infinity }, { limit: "5" }, { limit: null }],
};

const hashes = (payments) => payments.map(({ paymentHash }) => paymentHash);

export default [
  {
    name: "payments() tells the newest first: by page, state, origin and time",
    async run(t) {
      const shop = openShop(t);
      const start = Date.now();
      let [now, answer] = [start, ""];
      const pay = shop.client({ now: () => now, wallet: (...args) => shop.wallet(answer)(...args) });
      const buy = async (path, base) => {
        now += 1_000;
        await pay(shop.url(path, { scope: "path" }, base)).catch(() => {});
      };
      for (const path of ["a", "b", "c"]) await buy(path);
      for (answer of ["answer=failed", "answer=none"]) await buy(`d${answer}`);
      answer = "";
      await buy("e", t.other);
      const all = await pay.payments();
      t.same(
        all.map(({ state }) => state),
        ["paid", "unknown", "failed", "paid", "paid", "paid"],
      );
      t.same(
        all.map(({ url }) => new URL(url).pathname.split("/").pop()),
        ["e", "danswer=none", "danswer=failed", "c", "b", "a"],
      );

      const pages = [];
      for (let page = [{}]; page.length > 0; pages.push(...page))
        page = await pay.payments({ limit: 4, before: pages.at(-1)?.paymentHash });
      t.same(hashes(pages), hashes(all), "pages of 4");
      t.same(await pay.payments({ limit: 1 }), [all[0]]);
      t.same(await pay.payments({ before: all[1].paymentHash.toUpperCase(), limit: 2 }), [all[2], all[3]]);
      t.same(await pay.payments({ state: "paid" }), [all[0], all[3], all[4], all[5]]);
      t.same(await pay.payments({ state: "paid", limit: 2 }), [all[0], all[3]]);
      t.same(await pay.payments({ state: "paid", before: all[3].paymentHash }), [all[4], all[5]]);
      t.same(await pay.payments({ state: "unknown" }), [all[1]]);
      t.same(await pay.payments({ state: "pending" }), []);
      t.same(await pay.payments({ origin: `${t.other}/any/path` }), [all[0]]);
      t.same(hashes(await pay.payments({ origin: t.base })), hashes(all.slice(1)));
      t.same(await pay.payments({ origin: t.base, state: "failed" }), [all[2]]);
      t.same(hashes(await pay.payments({ since: all[2].startedAt })), hashes(all.slice(0, 3)));
      t.same(await pay.payments({ since: all[0].startedAt + 1 }), []);
      t.same(await pay.payments({ origin: "https://never.example" }), []);
      const nothing = { origin: undefined, state: undefined, since: undefined, before: undefined, limit: undefined };
      t.same(await pay.payments(nothing), all);
      // another instance on another store knows none of them
      await t.rejects(shop.client().payments({ before: all[0].paymentHash }), "invalid_options");
      await shop.counts({ payments: 5, asked: 6 });
    },
  },
  {
    name: "a filter that is none is refused, naming the key",
    async run(t) {
      const pay = t.pkg.createFetch({ wallet: () => t.ok(false, "asked to pay"), limits: { perPayment: 1 } });
      for (const [key, filters] of Object.entries(NOT_FILTERS)) {
        for (const filter of filters) {
          const error = await t.rejects(pay.payments(filter), "invalid_options");
          t.ok(error.message.startsWith(key), `${error.message} begins with ${key}`);
        }
      }
    },
  },
];
