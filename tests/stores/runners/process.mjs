// SQLite, PostgreSQL and Redis, shared by processes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { at } from "../../../scripts/lib.mjs";
import { startPostgres, startRedis } from "../../support/servers.mjs";
import { startUpstash } from "../../support/upstash.mjs";
import { betterSqlite3 } from "../rows/better-sqlite3.mjs";

const bin = (name) => at(`tests/node_modules/.bin/${name}`);
const RUNTIMES = {
  node: [at("tests/node_modules/node24/bin/node")],
  better: [process.execPath],
  bun: [bin("bun")],
  deno: [bin("deno"), "run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-all"],
};
/** Blocks of 512 bytes that a file may have: room for a few purchases in the write-ahead log. */
const FULL = 1600;

/** Starts processes that buy, each with the same arguments. */
function processes({ folder, hub }, [program, ...flags], args) {
  const running = new Set();
  return {
    async start(name, { full }) {
      const all = [...flags, join(folder, "stores/process.js"), hub.url, name, ...args];
      const command = full ? ["sh", "-c", `ulimit -f ${FULL}; exec "$0" "$@"`, program, ...all] : [program, ...all];
      const child = spawn(command[0], command.slice(1), {
        cwd: folder,
        env: { ...process.env, NODE_NO_WARNINGS: "1" },
        stdio: ["pipe", "inherit", "inherit"],
      });
      running.add(child);
      const ended = once(child, "exit").then(() => {
        running.delete(child);
        hub.lose(name);
      });
      const kill = () => {
        child.kill("SIGKILL");
        return ended;
      };
      return { ask: (job) => hub.ask(name, job), kill, end: kill };
    },
    async end() {
      for (const child of running) child.kill("SIGKILL");
    },
  };
}

export const sqlite = (runtime) => async (given) => {
  const place = join(given.folder, `files-${runtime}`);
  await mkdir(place);
  const args = ["sqlite", at("tests"), place, ...(runtime === "better" ? [await betterSqlite3()] : [])];
  const { start, end } = processes(given, RUNTIMES[runtime], args);
  return { start, offers: ["kill", "clock", "full"], close: end };
};

export const postgres = (client) => async (given) => {
  const server = await startPostgres();
  const { start, end } = processes(given, [process.execPath], [client, at("tests"), String(server.port)]);
  return {
    start,
    offers: ["kill", "clock"],
    async close() {
      await end();
      await server.close();
    },
  };
};

export const redis = (client) => async (given) => {
  const server = await startRedis();
  let place = String(server.port);
  let wire;
  let direct;
  if (client === "upstash") {
    const { Redis } = createRequire(at("tests/package.json"))("ioredis");
    direct = new Redis(server.port, "127.0.0.1");
    wire = await startUpstash(([name, ...args]) => direct.call(name, ...args));
    place = `${wire.url} ${wire.token}`;
  }
  const { start, end } = processes(given, [process.execPath], [client, at("tests"), place]);
  return {
    start,
    offers: ["kill", "clock"],
    async close() {
      await end();
      await wire?.close();
      direct?.disconnect();
      await server.close();
    },
  };
};
