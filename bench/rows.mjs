// `node bench/rows.mjs`: what a write of four rows costs in each store of rows. SQLite beside bare transactions of
// the same rows, in the same run; PostgreSQL and Redis with their round trips, counted at the wire; memory at a
// million rows beside a thousand. Prints medians; asserts nothing.
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, run } from "../scripts/lib.mjs";

const require = createRequire(at("tests/package.json"));
const VALUE = "x".repeat(300);
const NODE_24 = at("tests/node_modules/node24/bin/node");

/** The rows of one step: a total and an origin's row change, a payment's and an index row are new. */
function step(number) {
  const keys = ["total", `origin/${number % 50}`, `payment/${number}`, `time/${number}`];
  return { keys, changes: Object.fromEntries(keys.map((key) => [key, `${number} ${VALUE}`])) };
}

/** Writes the rows of one step, compared with what was seen. `known`: the rows that were last written. */
function write(store, number, known) {
  const { keys, changes } = step(number);
  const seen = Object.fromEntries(keys.map((key) => [key, known.get(key) ?? null]));
  for (const key of keys.slice(0, 2)) known.set(key, changes[key]);
  return store.write(changes, seen);
}

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

/** The median of what a task takes, in microseconds. */
async function measure(times, task) {
  const taken = [];
  for (let time = 0; time < times; time++) {
    const begin = performance.now();
    const done = await task(time);
    taken.push(1000 * (performance.now() - begin));
    if (done === false) throw new Error("a write lost, though nobody else writes");
  }
  return median(taken);
}

const line = (name, ...cells) => console.log(`  ${name.padEnd(44)}${cells.map((cell) => cell.padStart(16)).join("")}`);
const us = (value) => `${value.toFixed(value < 100 ? 1 : 0)} us`;
const times = (value) => `${value.toFixed(2)} x`;

async function memory(stores) {
  const { memoryStore } = await import(`${stores}/memory.js`);
  console.log("\n== memory: median of 20,000, at 1,000 rows and at 1,000,000");
  const results = [];
  for (const count of [1_000, 1_000_000]) {
    const store = memoryStore();
    for (let first = 0; first < count; first += 1000) {
      const rows = Array.from({ length: 1000 }, (_, index) => [`row/${((first + index) * 7919) % count}`, VALUE]);
      await store.write(Object.fromEntries(rows), {});
    }
    const known = new Map();
    const key = () => `row/${Math.floor(Math.random() * count)}`;
    results.push({
      "write of four rows": await measure(20_000, (time) => write(store, time, known)),
      "read of four rows": await measure(20_000, () => store.read([key(), key(), key(), key()])),
      "list of 100": await measure(20_000, () => store.list("row/", { after: key(), limit: 100 })),
      "list of 100, reverse": await measure(20_000, () => store.list("row/", { limit: 100, reverse: true })),
    });
  }
  const [few, many] = results;
  for (const name of Object.keys(few)) line(name, us(few[name]), us(many[name]), times(many[name] / few[name]));
}

/** In a process of its own, since only newer versions of Node have SQLite themselves. */
async function sqlite(stores, folder, better) {
  const { sqliteStore } = await import(`${stores}/sqlite.js`);
  const { openDatabase } = await import("../tests/stores/rows/sqlite-open.js");
  const name = better ? "better-sqlite3" : "node:sqlite";
  let files = 0;
  const newFile = () => join(folder, `${better ? "better" : "own"}-${++files}.db`);

  /** Four rows compared and written in one transaction, by hand. */
  function bare(database) {
    const get = database.prepare("SELECT value FROM l402_fetch WHERE key = ?");
    const put = database.prepare("INSERT OR REPLACE INTO l402_fetch (key, value) VALUES (?, ?)");
    const known = new Map();
    return async (number) => {
      const { keys, changes } = step(number);
      database.exec("BEGIN IMMEDIATE");
      for (const key of keys) if ((get.get(key)?.value ?? null) !== (known.get(key) ?? null)) throw new Error("lost");
      for (const key of keys) put.run(key, changes[key]);
      database.exec("COMMIT");
      for (const key of keys.slice(0, 2)) known.set(key, changes[key]);
    };
  }
  for (const rows of [1_000, 1_000_000]) {
    const [one, two] = [openDatabase(newFile(), better), openDatabase(newFile(), better)];
    const store = sqliteStore(one);
    for (const database of [one, two]) {
      await sqliteStore(database).write({ a: null }, {});
      database.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
        INSERT INTO l402_fetch SELECT 'row/' || i, '${VALUE}' FROM n`);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    const byHand = bare(two);
    const known = new Map();
    // in turn, so that both meet the same moods of the disk
    const taken = [[], []];
    for (let time = 0; time < 400; time++) {
      taken[0].push(await measure(1, () => write(store, time, known)));
      taken[1].push(await measure(1, () => byHand(time)));
    }
    const [ours, bares] = taken.map(median);
    line(`${name}, ${rows.toLocaleString("en")} rows: ours, bare`, us(ours), us(bares), times(ours / bares));
    const apart = (number) => store.write(step(number).changes, {});
    const single = await measure(100, (time) => apart(1e6 + time));
    const together = await measure(30, (time) =>
      Promise.all(Array.from({ length: 16 }, (_, index) => apart(2e6 + 16 * time + index))),
    );
    line("  16 at once: each", us(together / 16), "", `${times(single / (together / 16))} as many`);
  }
}

async function servers(stores) {
  const { startPostgres, startRedis } = await import("../tests/support/servers.mjs");
  const { startProxy } = await import("../tests/support/proxy.mjs");
  const { postgresStore } = await import(`${stores}/postgres.js`);
  const { redisStore } = await import(`${stores}/redis.js`);
  const host = "127.0.0.1";
  const postgres = await startPostgres({ fsync: "on" });
  const redis = await startRedis();
  const [toPostgres, toRedis] = [await startProxy(postgres.port), await startProxy(redis.port)];
  const given = { host, user: "postgres", database: "postgres", onnotice() {} };
  const pool = new (require("pg").Pool)({ ...given, port: toPostgres.port, max: 8 });
  const sql = require("postgres")({ ...given, port: toPostgres.port, max: 8 });
  const ioredis = new (require("ioredis").Redis)(toRedis.port, host);
  const node = require("redis6").createClient({ url: `redis://${host}:${toRedis.port}` });
  for (const client of [pool, ioredis, node]) client.on("error", () => {});
  await node.connect();
  console.log("\n== servers on this machine: a write of four rows, its round trips, and writes a second, 8 at once");
  for (const [name, proxy, store] of [
    ["PostgreSQL by pg", toPostgres, postgresStore(pool, { table: "by_pg" })],
    ["PostgreSQL by postgres.js", toPostgres, postgresStore(sql, { table: "by_postgres_js" })],
    ["Redis by ioredis", toRedis, redisStore(ioredis, { prefix: "ioredis:" })],
    ["Redis by node-redis", toRedis, redisStore(node, { prefix: "node-redis:" })],
  ]) {
    const known = new Map();
    await write(store, 0, known);
    await store.write({}, {});
    proxy.trips();
    const taken = await measure(200, (time) => write(store, time + 1, known));
    const trips = proxy.trips() / 200;
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (let time = 0; time < 100; time++) {
          const { keys, changes } = step(1e6 + 100 * worker + time);
          // rows of its own: nobody has to try again
          const own = keys.map((key) => [`${worker}/${key}`, changes[key]]);
          await store.write(Object.fromEntries(own), {});
        }
      }),
    );
    const rate = 800 / ((performance.now() - begin) / 1000);
    line(name, us(taken), `${trips.toFixed(2)} trips`, `${rate.toFixed(0)}/s`);
  }
  await Promise.all([pool.end(), sql.end(), node.close()]);
  ioredis.disconnect();
  await Promise.all([toPostgres.close(), toRedis.close()]);
  await Promise.all([postgres.close(), redis.close()]);
}

const [part, ...args] = process.argv.slice(2);
if (part === "sqlite") {
  await sqlite(...args);
} else {
  const { compile } = await import("../tests/stores/rows/compile.mjs");
  const { betterSqlite3 } = await import("../tests/stores/rows/better-sqlite3.mjs");
  const folder = await mkdtemp(join(tmpdir(), "l402-bench-rows-"));
  try {
    await compile(folder);
    await memory(folder);
    console.log("\n== SQLite: a write of four rows, median of 400, beside the same by hand in a database beside it");
    const env = { NODE_NO_WARNINGS: "1" };
    await run(NODE_24, [import.meta.filename, "sqlite", folder, folder], { env });
    await run(process.execPath, [import.meta.filename, "sqlite", folder, folder, await betterSqlite3()], { env });
    await servers(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
