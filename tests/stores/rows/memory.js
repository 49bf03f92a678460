// `memory.js STORES`: the store in memory, in whatever runs this. Prints the results as one line of JSON.
import { pathToFileURL } from "node:url";
import { runSuite } from "../../runtimes/harness.js";
import suite from "../rows-suite.js";
import { check } from "./model.js";

const { memoryStore } = await import(pathToFileURL(`${process.argv[2]}/memory.js`));

const places = new Map();
function open(place) {
  if (!places.has(place)) places.set(place, memoryStore());
  return places.get(place);
}

const write = (id, saw, changed) => ({ id, saw: new Map(Object.entries(saw)), changed });
const cases = [
  {
    name: "many thousands of rows: list, read and write are right among them",
    async run(t) {
      const store = memoryStore();
      const keys = new Set();
      for (let time = 0; time < 30_000; time++) {
        const key = `k/${Math.floor(Math.random() * 20_000)}`;
        const isThere = keys.has(key);
        t.equal(await store.write({ [key]: isThere ? null : "1" }, { [key]: isThere ? "1" : null }), true);
        if (isThere) keys.delete(key);
        else keys.add(key);
      }
      const sorted = [...keys].sort();
      const all = await store.list("k/", { limit: 100_000 });
      t.same(
        all.map(([key]) => key),
        sorted,
      );
      const back = await store.list("k/", { limit: 100_000, reverse: true });
      t.same(
        back.map(([key]) => key),
        sorted.reverse(),
      );
      for (const key of sorted) await store.write({ [key]: null }, { [key]: "1" });
      t.same(await store.list("", { limit: 10 }), []);
    },
  },
  {
    name: "the model finds a lost update, a write on what was gone, and writes that no order explains",
    async run(t) {
      const one = write("1", { a: null }, ["a"]);
      t.same(check(["a"], [one], new Map([["a", "1"]])), []);
      t.equal(check(["a"], [one], new Map([["a", null]])).length, 1);
      const two = write("2", { a: null }, ["a"]);
      t.ok(/both replaced/.test(check(["a"], [one, two], new Map([["a", "2"]]))[0]));
      // each read what the other changed
      const skewed = [write("1", { a: null, b: null }, ["a"]), write("2", { a: null, b: null }, ["b"])];
      const last = new Map([
        ["a", "1"],
        ["b", "2"],
      ]);
      t.same(check(["a", "b"], skewed, last), ["2 writes are in no order"]);
    },
  },
];

const results = await runSuite([...suite, ...cases], { open, runtime: "memory" });
console.log(JSON.stringify(results));
