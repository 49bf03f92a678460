// `redis.js CLIENT STORES`: the store in Redis, by the client ioredis, redis4, redis5, redis6 or upstash, on a server
// of its own. Prints the results as one line of JSON.
import { pathToFileURL } from "node:url";
import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import { runSuite } from "../../runtimes/harness.js";
import { startProxy } from "../../support/proxy.mjs";
import { startRedis } from "../../support/servers.mjs";
import { startUpstash } from "../../support/upstash.mjs";
import suite from "../rows-suite.js";

const [kind, stores] = process.argv.slice(2);
const { redisStore } = await import(pathToFileURL(`${stores}/redis.js`));
const KEYS = ["a", "b", "c", "d"];
const fourRows = (value) => Object.fromEntries(KEYS.map((key) => [key, value]));

/** A client of this kind, what counts its round trips and cuts its answers, and how it is ended. */
async function connect(port) {
  if (kind === "upstash") {
    const redis = new Redis(port, "127.0.0.1");
    redis.on("error", () => {});
    const wire = await startUpstash(([name, ...args]) => redis.call(name, ...args));
    const client = new Upstash({ url: wire.url, token: wire.token, enableTelemetry: false });
    return { client, wire, close: () => Promise.all([redis.quit(), wire.close()]) };
  }
  const wire = await startProxy(port);
  if (kind === "ioredis") {
    const client = new Redis(wire.port, "127.0.0.1", { enableReadyCheck: false });
    client.on("error", () => {});
    return { client, wire, close: () => Promise.all([client.disconnect(), wire.close()]) };
  }
  const { createClient } = await import(kind);
  const client = createClient({ url: `redis://127.0.0.1:${wire.port}` });
  client.on("error", () => {});
  await client.connect();
  return { client, wire, close: () => Promise.all([client.disconnect(), wire.close()]) };
}

const server = await startRedis();
const admin = new Redis(server.port, "127.0.0.1");
admin.on("error", () => {});
const { client, wire, close } = await connect(server.port);
const sure = kind === "upstash" ? { acceptLoss: true } : {};
let prefixes = 0;
const newStore = () => redisStore(client, { prefix: `own${++prefixes}:`, ...sure });
const open = (place) => redisStore(client, { prefix: `${place}:`, ...sure });

const cases = [
  {
    name: "what is no client and no option: invalid_options",
    async run(t) {
      for (const args of [
        [],
        [null],
        [{}],
        [client, null],
        [client, { prefiks: "a" }],
        [client, { prefix: 5 }],
        [client, { prefix: "{a}" }],
        [client, { acceptLoss: 1 }],
      ])
        t.throws(() => redisStore(...args), "invalid_options");
    },
  },
  {
    name: "all rows are under two keys of one hash tag",
    alone: true,
    async run(t) {
      await admin.flushall();
      await redisStore(client, sure).write({ a: "1", b: "2" }, {});
      t.same((await admin.keys("*")).sort(), ["{l402-fetch:}keys", "{l402-fetch:}rows"]);
      await redisStore(client, sure).write({ a: null, b: null }, {});
      t.same(await admin.keys("*"), []);
    },
  },
  ...Object.entries({
    appendonly: ["no", "yes"],
    appendfsync: ["everysec", "always"],
    "maxmemory-policy": ["allkeys-lru", "noeviction"],
  }).map(([name, [bad, good]]) => ({
    name: `a server whose ${name} is ${bad} is refused, unless loss is accepted`,
    alone: true,
    async run(t) {
      await admin.config("SET", name, bad);
      try {
        const store = redisStore(client, { prefix: `${name}:` });
        for (const task of [
          () => store.write({ a: "1" }, {}),
          () => store.read(["a"]),
          () => store.list("", { limit: 1 }),
        ]) {
          const { message } = await t.rejects(task());
          t.ok(kind === "upstash" ? /does not tell/.test(message) : message.includes(`has ${name} ${bad}`), message);
        }
        t.equal(
          await redisStore(client, { prefix: `${name}:`, acceptLoss: true }).write({ a: "1" }, { a: null }),
          true,
        );
        await admin.config("SET", name, good);
        if (kind !== "upstash") t.same(await store.read(["a"]), ["1"], "once it is set right");
      } finally {
        await admin.config("SET", name, good);
      }
    },
  })),
  {
    name: "each write, reading and listing is one round trip",
    alone: true,
    async run(t) {
      const store = newStore();
      const tasks = {
        write: () => store.write(fourRows("1"), {}),
        "a write that loses": () => store.write(fourRows("1"), { a: "0" }),
        read: () => store.read(KEYS),
        list: () => store.list("", { limit: 10 }),
      };
      await store.read(KEYS);
      for (const [name, task] of Object.entries(tasks)) {
        wire.trips();
        await task();
        t.equal(wire.trips(), 1, name);
      }
    },
  },
  {
    name: "a server that is out of memory: rejects, nothing by halves, and it goes on once there is room",
    alone: true,
    async run(t) {
      const store = newStore();
      await store.write({ a: "1", b: "1" }, {});
      await admin.config("SET", "maxmemory", "100kb");
      try {
        const error = await t.rejects(store.write({ a: null, b: "2", c: "2" }, { a: "1" }));
        t.ok(/OOM/.test(error.message), error.message);
        t.same(await store.read(["a", "b", "c"]), ["1", "1", null]);
      } finally {
        await admin.config("SET", "maxmemory", "0");
      }
      t.equal(await store.write({ a: null, b: "2", c: "2" }, { a: "1" }), true);
    },
  },
  {
    name: "keys that somebody else uses: rejects, and changes neither",
    async run(t) {
      for (const [key, type] of Object.entries({ rows: "hash", keys: "set" })) {
        const prefix = `theirs-${key}:`;
        await admin.set(`{${prefix}}${key}`, "theirs");
        const store = redisStore(client, { prefix, ...sure });
        t.ok(/WRONGTYPE/.test((await t.rejects(store.write({ a: "1" }, { a: null }))).message), type);
        t.ok(/WRONGTYPE/.test((await t.rejects(store.write({ a: "1" }, {}))).message), type);
        t.equal(await admin.get(`{${prefix}}${key}`), "theirs");
        t.equal((await admin.keys(`{${prefix}}*`)).length, 1, "keys of this prefix");
      }
    },
  },
  {
    name: "a write whose answer is cut off has happened, though it rejects or, sent again by the client, answers false",
    alone: true,
    async run(t) {
      const store = newStore();
      await store.write(fourRows("1"), {});
      wire.cutNext();
      const end = await store.write(fourRows("2"), fourRows("1")).catch(() => "rejected");
      // ioredis and Upstash send it again
      t.equal(end, kind.startsWith("redis") ? "rejected" : false);
      t.same(await store.read(KEYS), Object.values(fourRows("2")));
    },
  },
  {
    name: "a server that is killed: all that was promised is there, and nothing by halves",
    alone: true,
    timeout: 60_000,
    async run(t) {
      const store = newStore();
      for (let time = 0; time < 2; time++) {
        const promised = [0, 0];
        let isOver = false;
        const writing = promised.map(async (_, index) => {
          for (let number = 1; !isOver; number++) {
            const rows = Object.fromEntries(KEYS.map((key) => [`${time}/${index}/${key}`, String(number)]));
            if (await store.write(rows, {}).catch(() => false)) promised[index] = number;
            // a client that is not connected rejects at once
            else await new Promise((resolve) => setTimeout(resolve, 10));
          }
        });
        while (promised.some((number) => number < 20)) await new Promise((resolve) => setTimeout(resolve, 1));
        await server.restart();
        const before = [...promised];
        while (promised.some((number, index) => number <= before[index]))
          await new Promise((resolve) => setTimeout(resolve, 1));
        isOver = true;
        await Promise.all(writing);
        for (const index of [0, 1]) {
          const values = await store.read(KEYS.map((key) => `${time}/${index}/${key}`));
          t.equal(new Set(values).size, 1, "different values of one write");
          t.ok(Number(values[0]) >= promised[index], `${promised[index]} was promised, there is ${values[0]}`);
        }
      }
    },
  },
];

let results;
try {
  const times = kind === "ioredis" ? 10_000 : 1_000;
  results = await runSuite([...suite, ...cases], { open, runtime: kind, times, lists: 100 }, { timeout: 60_000 });
} finally {
  admin.disconnect();
  await close().catch(() => {});
  await server.close();
}
console.log(JSON.stringify(results));
process.exit(0);
