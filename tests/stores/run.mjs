// One suite for every store, in every runtime that has it, against the installed tarball. `run.mjs [WORD…]`
import { at } from "../../scripts/lib.mjs";
import { runSuite } from "../runtimes/harness.js";
import { openHub } from "../support/hub.mjs";
import { installPacked } from "../support/pack.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { closingLine, tally } from "../support/tally.mjs";
import { browser } from "./runners/browser.mjs";
import { memory } from "./runners/memory.mjs";
import { postgres, redis, sqlite } from "./runners/process.mjs";
import { workerd } from "./runners/workerd.mjs";
import suite from "./suite.js";

/**
 * What runs the suite, by name. Those of one list run at once. Each is a function of the folder of the installed
 * package and the hub. It resolves with `start(name, options)`, which gives an actor, with what it `offers`, and with
 * `close()`.
 */
const RUNNERS = [
  { memory, "sqlite-node": sqlite("node"), "sqlite-better": sqlite("better"), "sqlite-deno": sqlite("deno") },
  { "sqlite-bun": sqlite("bun"), "postgres-pg": postgres("pg"), "postgres-js": postgres("postgres"), workerd },
  { "redis-ioredis": redis("ioredis"), "redis-node": redis("redis6"), "redis-upstash": redis("upstash") },
  { chromium: browser("chromium"), "chromium-plain": browser("chromium", { plain: true }) },
  { firefox: browser("firefox"), "firefox-plain": browser("firefox", { plain: true }) },
  { webkit: browser("webkit") },
];

const pkg = await import(at("dist/node.js"));
const wanted = process.argv.slice(2);
const installed = await installPacked(["runtimes", "stores"].map((name) => at(`tests/${name}`)));
const paywall = await startPaywall();

async function runOn(name, open) {
  const hub = await openHub();
  try {
    return await runWith(name, hub, await open({ folder: installed.folder, hub }));
  } finally {
    await hub.close();
  }
}

async function runWith(runtime, hub, { start, offers, close, more = {}, ...options }) {
  const lasting = new Map();
  let actors = 0;
  /** The case with actors of its own, which end with it. */
  const withActors = (run) => async (t) => {
    const own = [];
    async function actor(given) {
      if (given?.own) own.push(await start(`${runtime} ${++actors}`, given));
      else if (!lasting.has(given)) lasting.set(given, start(given, {}));
      return given?.own ? own.at(-1) : lasting.get(given);
    }
    try {
      await run({ ...t, actor });
    } finally {
      await Promise.all(own.map(({ end }) => end?.()));
    }
  };
  const context = {
    ...{ runtime, base: paywall.base, other: paywall.other, pkg, hub },
    ...more,
    kill: (actor) => actor.kill(),
  };
  const cases = suite
    .filter(({ needs = [] }) => needs.every((need) => offers.includes(need)))
    .map((one) => ({ ...one, alone: options.alone?.(one) ?? false, run: withActors(one.run) }));
  try {
    return await runSuite(cases, context, { timeout: 120_000, ...options });
  } finally {
    await close();
  }
}

try {
  for (const group of RUNNERS) {
    const names = Object.keys(group).filter(
      (name) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
    );
    await Promise.all(names.map((name) => tally(name, () => runOn(name, group[name]), { every: wanted.length > 0 })));
  }
} finally {
  await paywall.close();
  await installed.remove();
}
closingLine();
