// `sqlite.js RUNTIME STORES FOLDER [BETTER]`: the store in SQLite. RUNTIME is node, deno or bun with the SQLite they
// have themselves, or `better` with better-sqlite3, which is in the folder BETTER. FOLDER is empty. Prints the
// results as one line of JSON.
import { spawn } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runSuite } from "../../runtimes/harness.js";
import suite from "../rows-suite.js";
import { openDatabase, openStore } from "./sqlite-open.js";

const [runtime, stores, folder, better = ""] = process.argv.slice(2);
const { sqliteStore } = await import(pathToFileURL(`${stores}/sqlite.js`));
const child = fileURLToPath(new URL("sqlite-child.js", import.meta.url));
let places = 0;
const newPath = () => join(folder, `own-${++places}.db`);
const openFile = async (path) => openStore(sqliteStore, path, better);
const database = (path) => openDatabase(path, better);

/**
 * Another process of this runtime, with a way to say and hear lines. `limit`: the most 512-byte blocks that it may
 * write to a file.
 */
function start(role, path, ...args) {
  const flags = runtime === "deno" ? ["run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-all"] : [];
  const all = [...flags, child, role, stores, better, path, ...args.map(String)];
  const [program, given] =
    role === "fill"
      ? ["sh", ["-c", 'trap "" XFSZ; ulimit -f 1000; exec "$0" "$@"', process.execPath, ...all]]
      : [process.execPath, all];
  const started = spawn(program, given, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  return {
    say: (line) => started.stdin.write(`${line}\n`),
    hear: async () => (await lines.next()).value,
    kill: () => started.kill("SIGKILL"),
    ended: new Promise((done) => started.on("exit", done)),
  };
}

const cases = [
  {
    name: "what is no path and no database: invalid_options",
    async run(t) {
      for (const given of ["", 5, null, undefined, {}, { exec() {} }, ":memory:"])
        t.throws(() => sqliteStore(given), "invalid_options");
      if (better) t.ok(/22\.13/.test(t.throws(() => sqliteStore(newPath()), "invalid_options").message));
    },
  },
  {
    name: "the file is for its owner only, and so are those beside it",
    async run(t) {
      if (better) return;
      const path = newPath();
      await (await openFile(path)).write({ a: "1" }, {});
      for (const name of [path, `${path}-wal`, `${path}-shm`]) t.equal((await stat(name)).mode & 0o777, 0o600, name);
    },
  },
  {
    name: "a write is on the disk before it resolves, whatever the database was set to",
    async run(t) {
      for (const [before, after] of Object.entries({ "": 2, OFF: 2, NORMAL: 2, FULL: 2, EXTRA: 3 })) {
        const opened = database(newPath());
        if (before) opened.exec(`PRAGMA synchronous = ${before}`);
        await sqliteStore(opened).write({ a: "1" }, {});
        t.equal(opened.prepare("PRAGMA synchronous").get().synchronous, after, before);
        t.equal(opened.prepare("PRAGMA journal_mode").get().journal_mode, "wal");
      }
    },
  },
  {
    name: "writes that are asked for at once share a transaction, and each answers for itself",
    async run(t) {
      const opened = database(newPath());
      const said = [];
      const store = sqliteStore({
        exec(sql) {
          said.push(sql);
          opened.exec(sql);
        },
        prepare: (sql) => opened.prepare(sql),
      });
      await store.write({ a: "0" }, {});
      said.length = 0;
      const writes = Array.from({ length: 16 }, (_, index) =>
        store.write({ a: String(index + 1) }, { a: String(index) }),
      );
      const late = store.write({ a: "x", b: "x" }, { a: "0" });
      t.same(await Promise.all([...writes, late]), [...writes.map(() => true), false]);
      t.same(await store.read(["a", "b"]), ["16", null]);
      t.equal(said.filter((sql) => sql === "BEGIN IMMEDIATE").length, 1, "transactions");
    },
  },
  {
    name: "inside a transaction of the caller's: rejects, and that transaction goes on",
    async run(t) {
      const opened = database(newPath());
      const store = sqliteStore(opened);
      for (const isKnown of [false, true]) {
        opened.exec("CREATE TABLE IF NOT EXISTS theirs (x)");
        opened.exec("BEGIN");
        opened.exec("INSERT INTO theirs VALUES (1)");
        for (const task of [
          () => store.read(["a"]),
          () => store.write({ a: "1" }, {}),
          () => store.list("", { limit: 1 }),
        ]) {
          t.ok(/within a transaction/.test((await t.rejects(task())).message), `known: ${isKnown}`);
        }
        opened.exec(isKnown ? "COMMIT" : "ROLLBACK");
        t.equal(await store.write({ a: "1" }, { a: isKnown ? "1" : null }), true);
      }
      t.equal(opened.prepare("SELECT count(*) AS rows FROM theirs").get().rows, 1, "their rows");
    },
  },
  {
    name: "another's transaction is waited for while the program goes on; the caller's own waiting stays as it was",
    async run(t) {
      const path = newPath();
      const [opened, other] = [database(path), database(path)];
      opened.exec("PRAGMA busy_timeout = 4321");
      const store = sqliteStore(opened);
      await store.write({ a: "1" }, {});
      other.exec("BEGIN IMMEDIATE");
      other.exec("DELETE FROM l402_fetch");
      let isDone = false;
      const writing = store.write({ a: "2" }, { a: null }).finally(() => {
        isDone = true;
      });
      t.same(await store.read(["a"]), ["1"], "what is read meanwhile");
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
      t.equal(isDone, false, "written meanwhile");
      other.exec("COMMIT");
      t.equal(await writing, true);
      t.equal(opened.prepare("PRAGMA busy_timeout").get().timeout, 4321);
    },
  },
  {
    name: "a transaction that never ends: rejects after 10 s, and nothing is written",
    async run(t) {
      const path = newPath();
      const store = await openFile(path);
      await store.write({ a: "1" }, {});
      const other = database(path);
      other.exec("BEGIN IMMEDIATE");
      const began = performance.now();
      t.ok(/locked/.test((await t.rejects(store.write({ a: "2" }, {}))).message));
      t.ok(performance.now() - began > 9_000, "how long it was waited");
      other.exec("ROLLBACK");
      t.same(await store.read(["a"]), ["1"]);
      t.equal(await store.write({ a: "2" }, { a: "1" }), true);
    },
  },
  ...Object.entries({
    "a text": "<!doctype html>".repeat(300),
    "a short text": "hello",
  }).map(([name, content]) => ({
    name: `a file that is ${name} is no database: rejects, and it stays as it is`,
    async run(t) {
      const path = newPath();
      await writeFile(path, content);
      const store = await openFile(path);
      for (const task of [
        () => store.read(["a"]),
        () => store.write({ a: "1" }, {}),
        () => store.list("", { limit: 1 }),
      ])
        t.ok(/not a database|malformed|I\/O error/.test((await t.rejects(task())).message));
      t.equal(await readFile(path, "utf8"), content);
    },
  })),
  {
    name: "half of a database: rejects, and it stays as it is",
    async run(t) {
      const path = newPath();
      const made = database(path);
      await sqliteStore(made).write(
        Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}`, "x".repeat(99)])),
        {},
      );
      made.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      const whole = await readFile(path);
      const half = newPath();
      await writeFile(half, whole.subarray(0, 4096 + whole.length / 2));
      const before = await readFile(half, "hex");
      const store = await openFile(half);
      await t.rejects(store.list("", { limit: 1000 }));
      await t.rejects(store.write(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}`, "y"])), {}));
      t.equal(await readFile(half, "hex"), before);
    },
  },
  {
    name: "a table of this name that is not the store's is not touched",
    async run(t) {
      const path = newPath();
      const other = database(path);
      other.exec("CREATE TABLE l402_fetch (id INTEGER PRIMARY KEY, name TEXT)");
      other.exec("INSERT INTO l402_fetch (name) VALUES ('theirs')");
      const store = await openFile(path);
      for (const task of [() => store.read(["a"]), () => store.write({ a: "1" }, {})])
        t.ok(/no such column|no column named/.test((await t.rejects(task())).message));
      t.equal(other.prepare("SELECT name FROM l402_fetch").get().name, "theirs");
    },
  },
  {
    name: "a folder that is missing is not made",
    async run(t) {
      if (better) return;
      const place = join(folder, `missing-${++places}`);
      const store = sqliteStore(join(place, "store.db"));
      for (const task of [() => store.read(["a"]), () => store.write({ a: "1" }, {})])
        t.ok(/folder of .* is missing/.test((await t.rejects(task())).message));
      await t.rejects(stat(place), "ENOENT");
      await mkdir(place);
      t.equal(await store.write({ a: "1" }, { a: null }), true);
    },
  },
  {
    name: "a database in memory is refused",
    async run(t) {
      t.ok(/write-ahead log/.test((await t.rejects(sqliteStore(database(":memory:")).read(["a"]))).message));
    },
  },
  {
    name: "a database that may have no more pages: rejects, what was written stays, and it goes on once there is room",
    async run(t) {
      const opened = database(newPath());
      const store = sqliteStore(opened);
      await store.write({ a: "1" }, {});
      opened.exec("PRAGMA max_page_count = 12");
      const big = { a: "2", b: "x".repeat(100_000) };
      t.ok(/full/.test((await t.rejects(store.write(big, { a: "1" }))).message));
      t.same(await store.read(["a", "b"]), ["1", null]);
      opened.exec("PRAGMA max_page_count = 1000000");
      t.equal(await store.write(big, { a: "1" }), true);
    },
  },
  {
    name: "a disk that takes no more: rejects, all that was promised is there, and nothing by halves",
    async run(t) {
      const path = newPath();
      const full = start("fill", path);
      const promised = Number(await full.hear());
      await full.ended;
      t.ok(promised > 5, `${promised} writes before the disk was full`);
      const values = await (await openFile(path)).read(["a", "b", "c", "d"]);
      t.same(
        values,
        ["a", "b", "c", "d"].map(() => `${promised} ${"x".repeat(1000)}`),
      );
    },
  },
  {
    name: "several processes count, and lose nothing",
    timeout: 60_000,
    async run(t) {
      const path = newPath();
      const counters = Array.from({ length: 4 }, () => start("count", path, 150));
      for (const counter of counters) t.equal(await counter.hear(), "done");
      t.same(await (await openFile(path)).read(["count"]), ["600"]);
    },
  },
  {
    name: "killed at random: all that was promised is there, and nothing by halves",
    timeout: 60_000,
    async run(t) {
      const path = newPath();
      const store = await openFile(path);
      for (let time = 0; time < 8; time++) {
        const writers = [start("write", path, "one"), start("write", path, "two")];
        const promised = [];
        const hearing = writers.map(async (writer, index) => {
          for (let line = await writer.hear(); line !== undefined; line = await writer.hear()) promised[index] = line;
        });
        while (promised.filter(Boolean).length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
        for (const writer of writers) writer.kill();
        await Promise.all(hearing);
        for (const [index, name] of ["one", "two"].entries()) {
          const values = await store.read(["a", "b", "c", "d"].map((key) => `${name}/${key}`));
          t.equal(new Set(values).size, 1, "different values of one write");
          t.ok(Number(values[0]) >= Number(promised[index]), `${promised[index]} was promised, there is ${values[0]}`);
        }
      }
    },
  },
];

const open = (place) => openFile(join(folder, `${place}.db`));
const results = await runSuite(
  [...suite, ...cases],
  { open, runtime, times: runtime === "node" ? 10_000 : 3_000 },
  { timeout: 60_000 },
);
console.log(JSON.stringify(results));
process.exit(0);
