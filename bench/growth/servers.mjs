// Stores that are servers: what one paid call asks of them, without `approve` and with nobody else there, and how many
// purchases 8 processes make a second. Nothing here takes so long that a lease would be renewed.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { at } from "../../scripts/lib.mjs";
import { startProxy } from "../../tests/support/proxy.mjs";
import { startPostgres, startRedis } from "../../tests/support/servers.mjs";
import { startWorkers } from "../../tests/support/workerd.mjs";
import { buyer, count, given, line, timed } from "./buy.mjs";

const PROCESSES = 8;
const ROUNDS = 20;
const ORIGINS = 50;
const HOST = "127.0.0.1";
const require = createRequire(at("tests/package.json"));

const STORES = {
  async postgres(port) {
    const { postgresStore } = await import("../../dist/stores/postgres.js");
    const pool = new (require("pg").Pool)({ host: HOST, port, user: "postgres", database: "postgres", max: 4 });
    return { store: postgresStore(pool), close: () => pool.end() };
  },
  async redis(port) {
    const { redisStore } = await import("../../dist/stores/redis.js");
    const client = new (require("ioredis").Redis)(port, HOST);
    return { store: redisStore(client), close: () => client.disconnect() };
  },
};

/** What the first call of a client asks, and what each later one does, by the count of `asked`. */
async function callsOf(pkg, store, asked) {
  const one = buyer(pkg, { store });
  asked();
  await one.buy();
  const first = asked();
  for (let round = 0; round < ROUNDS; round++) await one.buy();
  return { first, later: asked() / ROUNDS };
}

const told = (name, empty, full) =>
  line(name, ...[empty.first, empty.later, full.first, full.later].map((number) => number.toFixed(2)));

/** One of the processes: buys so many once it is told to. */
async function buyOnly([kind, port, purchases]) {
  const pkg = await import("../../dist/node.js");
  const { store } = await STORES[kind](Number(port));
  const one = buyer(pkg, { store, origins: ORIGINS });
  await one.buy();
  process.on("disconnect", () => process.exit());
  process.on("message", async () => {
    for (let bought = 0; bought < purchases; bought++) await one.buy();
    process.send("done");
  });
  process.send("ready");
}

async function rate(kind, port, purchases) {
  const fleet = Array.from({ length: PROCESSES }, () =>
    fork(import.meta.filename, ["buy", kind, String(port), String(purchases)]),
  );
  try {
    await Promise.all(fleet.map((one) => once(one, "message")));
    const done = fleet.map((one) => once(one, "message"));
    const taken = await timed(async () => {
      for (const one of fleet) one.send("go");
      await Promise.all(done);
    });
    return (PROCESSES * purchases * 1000) / taken;
  } finally {
    for (const one of fleet) one.kill();
  }
}

async function server(name, kind, running, purchases) {
  const pkg = await import("../../dist/node.js");
  const proxy = await startProxy(running.port);
  const { store, close } = await STORES[kind](proxy.port);
  try {
    // the table and the settings, which are asked for once
    await store.write({}, {});
    await store.read(["a"]);
    const empty = await callsOf(pkg, store, proxy.trips);
    told(name, empty, await callsOf(pkg, store, proxy.trips));
  } finally {
    await close();
    await proxy.close();
  }
  const found = await rate(kind, running.port, purchases);
  line("  8 processes, purchases a second", found.toFixed(0));
}

const WORKER = `// capnp: bindings = [(name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "worker"))],
// capnp: durableObjectNamespaces = [(className = "L402Ledger", uniqueKey = "ledger", enableSql = true)],
// capnp: durableObjectStorage = (localDisk = "disk"),
import * as pkg from ${JSON.stringify(at("dist/workerd.js"))};
import { durableObjectStore } from ${JSON.stringify(at("dist/stores/durable-object.js"))};
import { buyer } from ${JSON.stringify(at("bench/growth/buy.mjs"))};
export { L402Ledger } from ${JSON.stringify(at("dist/stores/durable-object/ledger.js"))};
let asked = 0;
export default {
  async fetch(request, env) {
    const { rounds, origins } = await request.json();
    const store = durableObjectStore(() => {
      asked++;
      return env.LEDGER.get(env.LEDGER.idFromName("all"));
    });
    const one = buyer(pkg, { store, origins, name: crypto.randomUUID() });
    asked = 0;
    await one.buy();
    const first = asked;
    for (let round = 0; round < rounds; round++) await one.buy();
    return Response.json({ first, later: (asked - first) / rounds });
  },
};
`;

async function durableObject(folder, purchases) {
  const [source, disk] = [join(folder, "worker/src"), join(folder, "worker/disk")];
  await Promise.all([source, disk].map((path) => mkdir(path, { recursive: true })));
  await writeFile(join(source, "worker.js"), WORKER);
  const { urls, close } = await startWorkers(source, { disk });
  const ask = async (rounds, origins = 1) => {
    const response = await fetch(urls.worker, { method: "POST", body: JSON.stringify({ rounds, origins }) });
    return response.json();
  };
  try {
    const empty = await ask(ROUNDS);
    told("Durable Object in workerd, requests", empty, await ask(ROUNDS));
    const taken = await timed(() => Promise.all(Array.from({ length: PROCESSES }, () => ask(purchases - 1, ORIGINS))));
    line("  8 clients of one Worker, purchases a second", ((PROCESSES * purchases * 1000) / taken).toFixed(0));
  } finally {
    await close();
  }
}

async function all({ folder, isQuick }) {
  const purchases = isQuick ? 40 : 250;
  console.log(`\n== servers: what a paid call asks, on an empty store, and a new client on one that has rows`);
  line("", "empty: first", "later", "rows: first", "later");
  await durableObject(folder, purchases);
  const postgres = await startPostgres({ fsync: "on" });
  await server("PostgreSQL by pg, round trips", "postgres", postgres, purchases).finally(postgres.close);
  const redis = await startRedis();
  await server("Redis by ioredis, round trips", "redis", redis, purchases).finally(redis.close);
  console.log(
    `  aim: at most 4 each; the rates are of ${count(purchases)} purchases by each of the 8, at ${ORIGINS} origins`,
  );
}

if (process.argv[2] === "buy") await buyOnly(process.argv.slice(3));
else await all(given());
