// The store in a Durable Object on a real disk, and Workers KV, in workerd: the suite, and two Workers on one object.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runSuite } from "../../runtimes/harness.js";
import { startWorkers } from "../../support/workerd.mjs";

const KEYS = ["a", "b", "c", "d"];
const fourRows = (value) => Object.fromEntries(KEYS.map((key) => [key, value]));

/** `folder` has the compiled stores, and the tests below it. */
export async function inWorkerd(folder) {
  const disk = join(folder, "disk");
  await mkdir(disk);
  const start = () => startWorkers(join(folder, "tests/stores/rows/workerd"), { disk });
  let fleet = await start();
  let places = 0;
  const context = {
    place: () => `fleet-${++places}`,
    ask: async (worker, message) =>
      (await fetch(fleet.urls[worker], { method: "POST", body: JSON.stringify(message) })).json(),
    async restart() {
      await fleet.close("SIGKILL");
      fleet = await start();
    },
    kv: async () => (await fetch(fleet.urls.kv)).json(),
    kvOptions: async () => (await fetch(`${fleet.urls.kv}/-/options`)).json(),
    breakKv: (is) => fetch(`${fleet.urls.kv}/-/break`, { method: "POST", body: String(is) }),
  };
  try {
    const response = await fetch(fleet.urls.suite);
    const text = await response.text();
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${text}`);
    return [...JSON.parse(text), ...(await runSuite(cases, context, { atOnce: 1 }))];
  } finally {
    // asked to end, it would wait for what its object may still have to do
    await fleet.close("SIGKILL");
  }
}

const cases = [
  {
    name: "each write, reading and listing is one request",
    async run(t) {
      const place = t.place();
      for (const call of [
        ["write", fourRows("1"), fourRows(null)],
        ["write", fourRows("1"), fourRows(null)],
        ["read", KEYS],
        ["list", "", { limit: 9 }],
      ])
        t.equal((await t.ask("one", { place, calls: [call] })).asked, 1, call[0]);
    },
  },
  {
    name: "two Workers count at once, and lose nothing",
    async run(t) {
      const place = t.place();
      await Promise.all(["one", "two", "one", "two"].map((worker) => t.ask(worker, { place, count: 50 })));
      t.same((await t.ask("one", { place, calls: [["read", ["count"]]] })).answers, [["200"]]);
    },
  },
  {
    name: "all Workers and the object are killed while they write: what was promised is there, and nothing by halves",
    async run(t) {
      const place = t.place();
      for (let time = 0; time < 3; time++) {
        let promised = 0;
        let isOver = false;
        const writing = (async () => {
          for (let number = 1; !isOver; number++) {
            const calls = [["write", fourRows(`${time}.${number}`), {}]];
            const { answers } = await t.ask("one", { place, calls }).catch(() => ({}));
            if (answers?.[0]) promised = number;
          }
        })();
        while (promised < 20) await new Promise((resolve) => setTimeout(resolve, 1));
        isOver = true;
        await t.restart();
        await writing;
        const { answers } = await t.ask("two", { place, calls: [["read", KEYS]] });
        t.equal(new Set(answers[0]).size, 1, "different values of one write");
        const [round, number] = answers[0][0].split(".").map(Number);
        t.equal(round, time);
        t.ok(number >= promised, `${promised} was promised, there is ${number}`);
      }
    },
  },
  {
    name: "the cache answers reads of tokens alone, and holds nothing else",
    async run(t) {
      const place = t.place();
      const cached = true;
      const rows = { "token/a": "A", "token/b": "B", "open/a": "1" };
      t.same(await t.ask("one", { place, cached, calls: [["write", rows, {}]] }), { answers: [true], asked: 1 });
      t.same(await t.kv(), { "l402-fetch/token/a": "A", "l402-fetch/token/b": "B" });
      const read = (keys) => t.ask("two", { place, cached, calls: [["read", keys]] });
      t.same(await read(["token/b", "token/a"]), { answers: [["B", "A"]], asked: 0 });
      t.same(await read(["token/a", "open/a"]), { answers: [["A", "1"]], asked: 1 });
      t.same(await read(["token/a", "token/c"]), { answers: [["A", null]], asked: 1 });
      const forget = [["write", { "token/a": null }, { "token/a": "A" }]];
      t.same(await t.ask("one", { place, cached, calls: forget }), { answers: [true], asked: 1 });
      t.same(await t.kv(), { "l402-fetch/token/b": "B" });
    },
  },
  {
    name: "what a lost write rested on is read from the object, and the cache learns it",
    async run(t) {
      const place = t.place();
      const cached = true;
      await t.ask("one", { place, cached, calls: [["write", { "token/s": "1", "token/t": "1" }, {}]] });
      // as if the cache were behind
      await t.ask("one", { place, calls: [["write", { "token/s": "2", "token/t": null }, {}]] });
      const stale = ["read", ["token/s", "token/t"]];
      const calls = [stale, ["write", { "open/s": "1" }, { "token/s": "1", "token/t": "1" }], stale, stale, stale];
      const answers = [["1", "1"], false, ["2", null], ["2", null], ["2", null]];
      // the last two ask as well, since the object may have a token that the cache lacks
      t.same(await t.ask("two", { place, cached, calls }), { answers, asked: 4 });
      const { "l402-fetch/token/s": found, "l402-fetch/token/t": gone } = await t.kv();
      t.same([found, gone], ["2", undefined]);
      t.same(await t.ask("one", { place, cached, calls: [["read", ["token/s"]]] }), { answers: [["2"]], asked: 0 });
    },
  },
  {
    name: "a token that the cache lacks is put there by who reads it, for a day",
    async run(t) {
      const place = t.place();
      const cached = true;
      await t.ask("one", { place, calls: [["write", { "token/u": "U" }, {}]] });
      const read = { place, cached, calls: [["read", ["token/u"]]] };
      t.same(await t.ask("one", read), { answers: [["U"]], asked: 1 });
      t.same(await t.ask("two", read), { answers: [["U"]], asked: 0 });
      t.equal((await t.kvOptions())["l402-fetch/token/u"], "86400");
    },
  },
  {
    name: "a write that loses leaves the cache as it is, and a cache that fails fails nothing",
    async run(t) {
      const place = t.place();
      const cached = true;
      const before = await t.kv();
      const lost = [["write", { "token/x": "X" }, { "token/x": "W" }]];
      t.same((await t.ask("one", { place, cached, calls: lost })).answers, [false]);
      t.same(await t.kv(), before);
      await t.breakKv(true);
      const calls = [
        ["write", { "token/x": "X" }, { "token/x": null }],
        ["read", ["token/x"]],
      ];
      t.same(await t.ask("one", { place, cached, calls }), { answers: [true, ["X"]], asked: 2 });
      await t.breakKv(false);
    },
  },
];
