// A process that buys: `process.js HUB WORKER KIND MODULES PLACE…`. MODULES has the databases' clients, beside it.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { postgresStore } from "l402-fetch/stores/postgres";
import { redisStore } from "l402-fetch/stores/redis";
import { sqliteStore } from "l402-fetch/stores/sqlite";
import { actor } from "./actor.js";
import { work } from "./work.js";

const [hub, worker, kind, modules, at, better] = process.argv.slice(2);
const require = createRequire(join(modules, "package.json"));
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const short = (place) => createHash("sha256").update(place).digest("hex").slice(0, 32);

const KINDS = {
  sqlite: async () => (place) => {
    const path = join(at, `${place}.db`);
    return sqliteStore(better ? new (require(better))(path) : path);
  },
  async pg() {
    const { default: pg } = await load("pg");
    const pool = new pg.Pool({ host: "127.0.0.1", port: Number(at), user: "postgres", database: "postgres", max: 4 });
    return (place) => postgresStore(pool, { table: `rows_${short(place)}` });
  },
  async postgres() {
    const { default: postgres } = await load("postgres");
    const given = { host: "127.0.0.1", port: Number(at), user: "postgres", database: "postgres", max: 4 };
    const sql = postgres({ ...given, onnotice() {} });
    return (place) => postgresStore(sql, { table: `rows_${short(place)}` });
  },
  async ioredis() {
    const { Redis } = await load("ioredis");
    const client = new Redis(Number(at), "127.0.0.1");
    return (place) => redisStore(client, { prefix: `${place}:` });
  },
  async redis6() {
    const { createClient } = await load("redis6");
    const client = await createClient({ url: `redis://127.0.0.1:${at}` }).connect();
    return (place) => redisStore(client, { prefix: `${place}:` });
  },
  async upstash() {
    const { Redis } = await load("@upstash/redis");
    const [url, token] = at.split(" ");
    const client = new Redis({ url, token, enableTelemetry: false });
    return (place) => redisStore(client, { prefix: `${place}:`, acceptLoss: true });
  },
};

// Who started this is gone when its pipe closes.
process.stdin.on("end", () => process.exit()).resume();
await work(hub, worker, actor(await KINDS[kind]()));
