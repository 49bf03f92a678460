// What every store of rows must do, whatever it keeps them in. `t.open(place)` opens a store, or resolves with one;
// the same place, the same rows. `t.times`: how many random writes the model is tried with.
import { storm } from "./rows/model.js";

let places = 0;
const somewhere = (t) => `${t.runtime}-${Date.now().toString(36)}-${++places}-${Math.random().toString(36).slice(2)}`;
const random = (below) => Math.floor(Math.random() * below);

const VALUES = {
  "an empty text": "",
  "a short one": '{"version":1}',
  null: "null",
  "a number": "12",
  "the alphabets of the world": "naïve Ωmega ไทย 漢字 🦀 \u{10ffff}",
  "characters that text formats trip over": "\u0000\b\t\n\r\"\\'</script>\u2028\u2029\ufeff\uffff",
  "halves of characters": "\ud800 \udfff x\udc00",
  "what begins like a mark": '\u0001"a"',
  "a long one": "0123456789abcdef".repeat(20_000),
  "a long one of wide characters": "漢字🦀".repeat(60_000),
};

/** Every printable character, and what has a meaning in queries, patterns and objects. */
const KEYS = [
  ...Array.from({ length: 95 }, (_, index) => `key/${String.fromCharCode(32 + index)}`),
  "key/__proto__",
  "key/constructor",
  "key/a%b_c*d?e[f]g{h}'i\"j\\k$1;--",
  `key/${"x".repeat(196)}`,
  "KEY/a",
];

/** Adds one to a row, whoever else does the same. */
async function increment(store, key) {
  for (;;) {
    const [value] = await store.read([key]);
    if (await store.write({ [key]: String(Number(value ?? 0) + 1) }, { [key]: value })) return;
  }
}

/** What `list` must answer, told from all rows. */
function listed(keys, prefix, { after, limit, reverse }) {
  const found = keys.filter((key) => key.startsWith(prefix)).sort((a, b) => (a < b ? -1 : 1));
  if (reverse) found.reverse();
  return found.filter((key) => after === undefined || (reverse ? key < after : key > after)).slice(0, limit);
}

export default [
  {
    name: "what was never written, or deleted, is null; keys are answered in their order",
    async run(t) {
      const store = await t.open(somewhere(t));
      t.same(await store.read(["a", "b"]), [null, null]);
      t.equal(await store.write({ a: "1", b: "2" }, {}), true);
      t.same(await store.read(["b", "c", "a", "b"]), ["2", null, "1", "2"]);
      t.equal(await store.write({ a: null, c: null }, { a: "1", c: null }), true);
      t.same(await store.read(["a", "b", "c"]), [null, "2", null]);
      t.same(await store.read([]), []);
    },
  },
  {
    name: "a row that changed, went or came since it was seen: nothing is written",
    async run(t) {
      const store = await t.open(somewhere(t));
      await store.write({ a: "1", b: "1" }, {});
      for (const seen of [{ a: "2" }, { a: null }, { a: "1", c: "1" }, { b: "1", a: "" }, { c: "", a: "1" }]) {
        t.equal(await store.write({ a: "3", b: null, d: "3" }, seen), false, JSON.stringify(seen));
        t.same(await store.read(["a", "b", "c", "d"]), ["1", "1", null, null], JSON.stringify(seen));
      }
      t.equal(await store.write({ a: "3", b: null, d: "3" }, { a: "1", b: "1", c: null, d: null }), true);
      t.same(await store.read(["a", "b", "c", "d"]), ["3", null, null, "3"]);
    },
  },
  {
    name: "a write may compare without changing, and change without comparing",
    async run(t) {
      const store = await t.open(somewhere(t));
      t.equal(await store.write({}, {}), true);
      t.equal(await store.write({}, { a: null }), true);
      t.equal(await store.write({}, { a: "1" }), false);
      t.equal(await store.write({ a: "1" }, {}), true);
      t.equal(await store.write({ a: "2" }, {}), true);
      t.equal(await store.write({}, { a: "2" }), true);
    },
  },
  {
    name: "the same write again answers false, though the first did happen",
    async run(t) {
      const store = await t.open(somewhere(t));
      t.equal(await store.write({ a: "1" }, { a: null }), true);
      t.equal(await store.write({ a: "1" }, { a: null }), false);
      t.same(await store.read(["a"]), ["1"]);
    },
  },
  {
    name: "values come back as they were, long ones and all characters too, and are compared so",
    async run(t) {
      const place = somewhere(t);
      const store = await t.open(place);
      let before = null;
      for (const [name, value] of Object.entries(VALUES)) {
        t.ok(await store.write({ a: value }, { a: before }), `written: ${name}`);
        t.ok((await (await t.open(place)).read(["a"]))[0] === value, `read: ${name}`);
        t.ok((await store.list("a", { limit: 1 }))[0][1] === value, `listed: ${name}`);
        t.ok(!(await store.write({ a: "other" }, { a: `${value} ` })), `compared: ${name}`);
        before = value;
      }
    },
  },
  {
    name: "keys are apart, whatever is in them",
    async run(t) {
      const store = await t.open(somewhere(t));
      const all = Object.fromEntries(KEYS.map((key) => [key, `of ${key}`]));
      t.ok(await store.write(all, Object.fromEntries(KEYS.map((key) => [key, null]))));
      t.same(await store.read(KEYS), Object.values(all));
      const found = await store.list("key/", { limit: 1000 });
      t.same(
        found,
        listed(KEYS, "key/", { limit: 1000 }).map((key) => [key, `of ${key}`]),
      );
      t.ok(await store.write(Object.fromEntries([[KEYS[0], null]]), all));
      t.same(await store.read(KEYS.slice(0, 3)), [null, `of ${KEYS[1]}`, `of ${KEYS[2]}`]);
    },
  },
  {
    name: "list: by byte, with prefix, after, limit and reverse",
    async run(t) {
      const store = await t.open(somewhere(t));
      const alphabet = ["", "a", "B", "_", "~", " ", "/", "0", "ab"];
      const part = () => alphabet[random(alphabet.length)];
      const keys = [...new Set(Array.from({ length: 300 }, () => `${part()}${part()}${part()}${part()}` || "a"))];
      await store.write(Object.fromEntries(keys.map((key) => [key, key])), {});
      for (let time = 0; time < (t.lists ?? 300); time++) {
        const prefix = `${part()}${random(2) ? part() : ""}`;
        const options = { limit: [0, 1, 2, 5, 1000][random(5)] };
        if (random(3)) options.after = random(2) ? keys[random(keys.length)] : prefix + part() + part();
        if (random(2)) options.reverse = random(4) > 0;
        const found = (await store.list(prefix, options)).map(([key, value]) => (key === value ? key : "damaged"));
        t.same(found, listed(keys, prefix, options), JSON.stringify([prefix, options]));
      }
    },
  },
  {
    name: "list: page after page, each row once, and what was deleted is gone",
    async run(t) {
      const store = await t.open(somewhere(t));
      const keys = Array.from({ length: 350 }, (_, index) => `page/${String(index).padStart(4, "0")}`);
      await store.write(Object.fromEntries([...keys, "pagf", "page"].map((key) => [key, "1"])), {});
      await store.write({ [keys[0]]: null, [keys[100]]: null, [keys[349]]: null }, {});
      const rest = keys.filter((_, index) => ![0, 100, 349].includes(index));
      for (const reverse of [false, true]) {
        const seen = [];
        for (;;) {
          const page = await store.list("page/", { after: seen.at(-1), limit: 100, reverse });
          seen.push(...page.map(([key]) => key));
          if (page.length < 100) break;
        }
        t.same(seen, reverse ? rest.reverse() : rest);
      }
    },
  },
  {
    name: "two on one place share it, another place is apart",
    async run(t) {
      const place = somewhere(t);
      const [one, two, other] = [await t.open(place), await t.open(place), await t.open(somewhere(t))];
      await one.write({ a: "1" }, {});
      t.same(await two.read(["a"]), ["1"]);
      t.equal(await two.write({ a: "2" }, { a: "1" }), true);
      t.equal(await one.write({ a: "3" }, { a: "1" }), false);
      t.same(await one.read(["a"]), ["2"]);
      t.same(await other.read(["a"]), [null]);
      t.same(await other.list("", { limit: 10 }), []);
    },
  },
  {
    name: "the first use by many at once",
    async run(t) {
      const place = somewhere(t);
      const stores = await Promise.all(Array.from({ length: 6 }, () => t.open(place)));
      const ends = await Promise.all(stores.map((store, index) => store.write({ a: String(index) }, { a: null })));
      t.equal(ends.filter(Boolean).length, 1, "writes that saw no row");
    },
  },
  {
    name: "what is handed over may be changed after the call",
    async run(t) {
      const store = await t.open(somewhere(t));
      const [changes, seen, keys, options] = [{ a: "1" }, { a: null }, ["a"], { limit: 1 }];
      const written = store.write(changes, seen);
      Object.assign(changes, { a: "2", b: "2" });
      seen.a = "x";
      t.equal(await written, true);
      const reading = store.read(keys);
      keys[0] = "b";
      t.same(await reading, ["1"]);
      const listing = store.list("", options);
      options.reverse = true;
      options.limit = 0;
      t.same(await listing, [["a", "1"]]);
    },
  },
  {
    name: "many rows in one write, and of many at once only one wins",
    async run(t) {
      const place = somewhere(t);
      const stores = [await t.open(place), await t.open(place)];
      const keys = Array.from({ length: 300 }, (_, index) => `row/${index}`);
      const all = (value) => Object.fromEntries(keys.map((key) => [key, value]));
      const ends = await Promise.all([1, 2, 3, 4].map((n) => stores[n % 2].write(all(String(n)), all(null))));
      t.equal(ends.filter(Boolean).length, 1, "writes that won");
      t.same(await stores[0].read(keys), Object.values(all(String(ends.indexOf(true) + 1))));
    },
  },
  {
    name: "counting at once loses nothing",
    async run(t) {
      const place = somewhere(t);
      const stores = [await t.open(place), await t.open(place), await t.open(place)];
      await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          for (let time = 0; time < 10; time++) await increment(stores[index % 3], "count");
        }),
      );
      t.same(await stores[0].read(["count"]), ["120"]);
    },
  },
  {
    name: "rows are read as one, and listed as one",
    async run(t) {
      const place = somewhere(t);
      const [writer, reader] = [await t.open(place), await t.open(place)];
      const keys = ["pair/a", "pair/b", "pair/c"];
      let done = false;
      const writing = (async () => {
        for (let time = 1; time <= 150; time++)
          await writer.write(Object.fromEntries(keys.map((key) => [key, String(time)])), {});
        done = true;
      })();
      while (!done) {
        t.equal(new Set(await reader.read(keys)).size, 1, "values read at once");
        const rows = await reader.list("pair/", { limit: 3, reverse: random(2) === 0 });
        t.ok(new Set(rows.map(([, value]) => value)).size <= 1, "values listed at once");
        await new Promise((resolve) => setTimeout(resolve));
      }
      await writing;
    },
  },
  {
    name: "random writes at once are as if one came after another",
    timeout: 90_000,
    async run(t) {
      const place = somewhere(t);
      const stores = [await t.open(place), await t.open(place), await t.open(place)];
      const { won, lost, wrong } = await storm(stores, { times: t.times ?? 10_000 });
      t.same(wrong, []);
      t.ok(won > 0 && (lost > 0 || t.noLoss), `${won} writes won and ${lost} lost`);
    },
  },
];
