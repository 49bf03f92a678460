// What every store must do, whatever it keeps its values in. `t.open(place)` opens a store; the same place, the same
// values.
import { openShop } from "../runtimes/shop.js";

let places = 0;
const somewhere = (t) => `${t.runtime}-${Date.now().toString(36)}-${++places}-${Math.random().toString(36).slice(2)}`;

const VALUES = {
  "an empty text": "",
  "a short one": '{"version":1}',
  "the alphabets of the world": "naïve Ωmega ไทย 漢字 🦀 \u{10ffff}",
  "characters that text formats trip over": "\u0000\b\t\n\r\"\\'</script>\u2028\u2029\ufeff\uffff",
  "halves of characters": "\ud800 \udfff x\udc00",
  "a long one": "0123456789abcdef".repeat(20_000),
  "a long one of wide characters": "漢字🦀".repeat(60_000),
};
const KEYS = ["l402-fetch/tokens", "a/b?c=d&e#f%20", "__proto__", "ключ", " "];

async function count(store, key, times) {
  for (let time = 0; time < times; time++) {
    await store.lock("counter", async () => {
      const before = Number((await store.get(key)) ?? 0);
      await store.set(key, String(before + 1));
    });
  }
}

/** Pays once it is allowed to. */
function heldWallet(shop) {
  const wallet = shop.wallet("answer=hold");
  return { pay: wallet, lookup: shop.lookup };
}

export default [
  {
    name: "what was never set, or deleted, is not there",
    async run(t) {
      const store = t.open(somewhere(t));
      t.ok((await store.get("a")) == null);
      await store.delete("a");
      await store.set("a", "1");
      t.equal(await store.get("a"), "1");
      await store.set("a", "2");
      t.equal(await store.get("a"), "2");
      await store.delete("a");
      t.ok((await store.get("a")) == null);
    },
  },
  {
    name: "values come back as they were, long ones and all characters too",
    async run(t) {
      const place = somewhere(t);
      const store = t.open(place);
      for (const [name, value] of Object.entries(VALUES)) {
        await store.set("a", value);
        t.ok((await t.open(place).get("a")) === value, name);
      }
      await store.set("a", "short again");
      t.equal(await store.get("a"), "short again");
    },
  },
  {
    name: "keys are apart, whatever is in them",
    async run(t) {
      const store = t.open(somewhere(t));
      for (const key of KEYS) await store.set(key, `of ${key}`);
      for (const key of KEYS) t.equal(await store.get(key), `of ${key}`);
      await store.delete(KEYS[0]);
      t.ok((await store.get(KEYS[0])) == null);
      for (const key of KEYS.slice(1)) t.equal(await store.get(key), `of ${key}`);
    },
  },
  {
    name: "two on one place share it, another place is apart",
    async run(t) {
      const place = somewhere(t);
      const [one, two, other] = [t.open(place), t.open(place), t.open(somewhere(t))];
      await one.set("a", "1");
      t.equal(await two.get("a"), "1");
      await two.set("a", "2");
      t.equal(await one.get("a"), "2");
      t.ok((await other.get("a")) == null);
    },
  },
  {
    name: "writers in parallel lose nothing, without a lock of their own",
    async run(t) {
      const place = somewhere(t);
      const stores = [t.open(place), t.open(place)];
      const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`);
      await Promise.all(keys.map((key, index) => stores[index % 2].set(key, key)));
      for (const key of keys) t.equal(await stores[0].get(key), key);
    },
  },
  {
    name: "what is read, changed and written under a lock loses nothing",
    async run(t) {
      const place = somewhere(t);
      const [one, two] = [t.open(place), t.open(place)];
      await Promise.all([count(one, "a", 15), count(two, "a", 15), count(two, "a", 15)]);
      t.equal(await one.get("a"), "45");
    },
  },
  {
    name: "a lock gives back what its task gives, and is free after it threw",
    async run(t) {
      const place = somewhere(t);
      const [one, two] = [t.open(place), t.open(place)];
      t.equal(await one.lock("a", async () => 5), 5);
      const broken = new Error("broken");
      t.ok((await t.rejects(one.lock("a", () => Promise.reject(broken)))) === broken, "the error itself");
      t.ok(
        (await t.rejects(
          one.lock("a", () => {
            throw broken;
          }),
        )) === broken,
        "the error itself",
      );
      t.equal(await two.lock("a", async () => 6), 6);
    },
  },
  {
    name: "who waits for a lock runs after its holder, and names are apart",
    async run(t) {
      const place = somewhere(t);
      const [one, two] = [t.open(place), t.open(place)];
      const said = [];
      let waiting;
      await one.lock("a", async () => {
        waiting = two.lock("a", async () => said.push("second"));
        await two.lock("b", async () => said.push("another name"));
        await one.lock("c", async () => said.push("within"));
        await t.open(somewhere(t)).lock("a", async () => said.push("another place"));
        said.push("first");
      });
      await waiting;
      t.same(said, ["another name", "within", "another place", "first", "second"]);
    },
  },
  {
    name: "two instances that ask for the same at once pay once",
    async run(t) {
      const shop = openShop(t);
      const place = somewhere(t);
      const [one, two] = [1, 2].map(() => shop.client({ store: t.open(place) }));
      const url = shop.url("a");
      const responses = await Promise.all([one(url), two(url), one(url), two(url)]);
      t.same(
        responses.map((response) => response.status),
        [200, 200, 200, 200],
      );
      await shop.counts({ payments: 1, asked: 1 });
      t.same(await one.payments(), await two.payments());
    },
  },
  {
    name: "two instances share their limits",
    async run(t) {
      const shop = openShop(t);
      const place = somewhere(t);
      const limits = { perPayment: 100, total: 30 };
      const pays = [1, 2].map(() => shop.client({ store: t.open(place), limits }));
      const buy = (index) =>
        pays[index % 2](shop.url(`${index}`, { scope: "path" })).then(
          () => "bought",
          (error) => error.code,
        );
      const ends = await Promise.all([0, 1, 2, 3, 4, 5].map(buy));
      // a fee that is reserved meanwhile may refuse one that would fit later
      for (const index of [6, 7, 8]) ends.push(await buy(index));
      t.same(
        ends.filter((end) => end !== "over_limit"),
        ["bought", "bought", "bought"],
      );
      for (const pay of pays) t.equal((await pay.spent()).total, 30);
      await shop.counts({ payments: 3, asked: 3 });
    },
  },
  {
    name: "what was bought is used by who comes later, and forgotten by all",
    async run(t) {
      const shop = openShop(t);
      const place = somewhere(t);
      const url = shop.url("a");
      const first = shop.client({ store: t.open(place) });
      const { payment } = t.pkg.receiptOf(await first(url));
      const later = shop.client({ store: t.open(place), wallet: () => t.ok(false, "asked to pay") });
      t.same(t.pkg.receiptOf(await later(url)), { payment, paidNow: false });
      t.same(await later.payments(), [payment]);
      await later.forget();
      t.equal(t.pkg.receiptOf(await shop.client({ store: t.open(place) })(url)).paidNow, true);
      await shop.counts({ payments: 2, accepted: 3 });
    },
  },
  {
    name: "what a later version wrote, or is damaged, is overwritten by nothing",
    async run(t) {
      for (const key of ["l402-fetch/journal", "l402-fetch/tokens"]) {
        for (const value of ['{"version":99}', '{"version":1,"payments":[{}],"tokens":[{}]}', "<!doctype html>"]) {
          const shop = openShop(t);
          const store = t.open(somewhere(t));
          await store.set(key, value);
          const pay = shop.client({ store });
          await t.rejects(pay(shop.url("a")), "store_failed");
          for (const ask of [
            () => pay.payments(),
            () => pay.spent(),
            () => pay.forget(),
            () => pay.resolve("ab".repeat(32), "failed"),
          ]) {
            await t.rejects(ask(), "store_failed");
          }
          t.equal(await store.get(key), value);
          await shop.counts({ payments: 0, asked: 0 });
        }
      }
    },
  },
  {
    name: "a payment under way is waited for by another instance, not made again",
    async run(t) {
      const shop = openShop(t);
      const place = somewhere(t);
      const url = shop.url("a");
      const one = shop.client({ store: t.open(place), wallet: heldWallet(shop) })(url);
      await shop.until("asked", 1);
      const two = shop.client({ store: t.open(place) })(url);
      await shop.until("challenges", 2);
      await shop.release();
      t.equal(t.pkg.receiptOf(await one).paidNow, true);
      t.equal(t.pkg.receiptOf(await two).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
];
