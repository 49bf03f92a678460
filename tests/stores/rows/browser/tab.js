// A tab that does what the test tells it.
import { indexedDBStore } from "../../../../indexeddb.js";

const store = indexedDBStore(new URLSearchParams(location.search).get("name"));
const KEYS = ["a", "b", "c", "d"];

globalThis.tab = {
  store,
  /** How many writes were promised. */
  promised: 0,
  async count(times) {
    for (let left = times; left > 0; ) {
      const [value] = await store.read(["count"]);
      if (await store.write({ count: String(Number(value ?? 0) + 1) }, { count: value })) left--;
    }
    return true;
  },
  /** Writes four rows at a time, for ever. */
  async write() {
    for (let number = 1; ; number++) {
      if (await store.write(Object.fromEntries(KEYS.map((key) => [key, String(number)])), {})) tab.promised = number;
    }
  },
  values: () => store.read(KEYS),
};
