// One process of several on a database: `sqlite-child.js ROLE STORES BETTER PATH …`. Says lines.
import { pathToFileURL } from "node:url";
import { openStore } from "./sqlite-open.js";

const [role, stores, better, path, ...args] = process.argv.slice(2);
const { sqliteStore } = await import(pathToFileURL(`${stores}/sqlite.js`));
const store = openStore(sqliteStore, path, better);

const roles = {
  async count(times) {
    for (let left = Number(times); left > 0; ) {
      const [value] = await store.read(["count"]);
      if (await store.write({ count: String(Number(value ?? 0) + 1) }, { count: value })) left--;
    }
    console.log("done");
  },
  /** Writes four rows at a time, for ever, and says what is promised. */
  async write(name) {
    const keys = ["a", "b", "c", "d"].map((key) => `${name}/${key}`);
    const [before] = await store.read(keys);
    for (let number = Number(before ?? 0) + 1; ; number++) {
      if (await store.write(Object.fromEntries(keys.map((key) => [key, String(number)])), {})) console.log(number);
    }
  },
  /** Writes until it can't, and says what was promised last. */
  async fill() {
    let promised = 0;
    try {
      for (let number = 1; ; number++) {
        const value = `${number} ${"x".repeat(1000)}`;
        await store.write({ a: value, b: value, c: value, d: value, [`more/${number}`]: value }, {});
        promised = number;
      }
    } catch {
      console.log(promised);
    }
  },
};
await roles[role](...args);
process.exit(0);
