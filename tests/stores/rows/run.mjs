// One suite for every store of rows, in every runtime that has it. `run.mjs [NAME…]`
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, run } from "../../../scripts/lib.mjs";
import { closingLine, tally } from "../../support/tally.mjs";
import { betterSqlite3 } from "./better-sqlite3.mjs";
import { inBrowser } from "./browsers.mjs";
import { compile } from "./compile.mjs";
import { inWorkerd } from "./workerd.mjs";

const bin = (name) => at(`tests/node_modules/.bin/${name}`);
const NODE_24 = at("tests/node_modules/node24/bin/node");
const DENO = [bin("deno"), "run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-all"];

/** Runs a file of this folder; its last line is the results. */
async function file(name, [program, ...flags], args) {
  const env = { NODE_NO_WARNINGS: "1" };
  const text = await run(program, [...flags, at(`tests/stores/rows/${name}.js`), ...args], { quiet: true, env });
  return JSON.parse(text.trimEnd().split("\n").at(-1));
}

const sqlite = (runtime, program) => async (stores) => {
  const folder = join(stores, `sqlite-${runtime}`);
  await mkdir(folder);
  return file("sqlite", program, [runtime, stores, folder, ...(runtime === "better" ? [await betterSqlite3()] : [])]);
};

const postgres = (client) => (stores) => file("postgres", [process.execPath], [client, stores]);
const redis = (client) => (stores) => file("redis", [process.execPath], [client, stores]);
const browser = (engine) => (stores) => inBrowser(engine, stores);

/**
 * Each with the folder of the compiled stores. Those of one list run at once: most of them wait for a disk or a
 * timer.
 */
const RUNNERS = [
  {
    memory: (stores) => file("memory", [process.execPath], [stores]),
    "sqlite-node": sqlite("node", [NODE_24]),
    "sqlite-deno": sqlite("deno", DENO),
    "sqlite-bun": sqlite("bun", [bin("bun")]),
    "sqlite-better": sqlite("better", [process.execPath]),
  },
  { "postgres-pg": postgres("pg"), "postgres-js": postgres("postgres"), workerd: inWorkerd },
  { redis4: redis("redis4"), redis5: redis("redis5"), redis6: redis("redis6"), "redis-ioredis": redis("ioredis") },
  { "redis-upstash": redis("upstash"), chromium: browser("chromium") },
  { firefox: browser("firefox"), webkit: browser("webkit") },
];

const wanted = process.argv.slice(2);
const stores = await mkdtemp(join(tmpdir(), "l402-rows-"));
try {
  await Promise.all([compile(stores), betterSqlite3()]);
  // beside them what is bundled for browsers and workerd
  for (const path of ["runtimes/harness.js", "stores/rows-suite.js", "stores/rows"])
    await cp(at(`tests/${path}`), join(stores, "tests", path), { recursive: true });
  for (const group of RUNNERS) {
    const names = Object.keys(group).filter(
      (name) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
    );
    await Promise.all(names.map((name) => tally(name, () => group[name](stores))));
  }
} finally {
  await rm(stores, { recursive: true, force: true });
}
closingLine();
