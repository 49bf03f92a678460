// A fleet on one store: `run.mjs [--whole] [--seed=N] [KIND…]`. 8 processes buy at 50 origins under one hourly
// limit, from one wallet, on one PostgreSQL, one Redis or one file of SQLite. They are killed at random, and started
// again. The wallet's own ledger tells that no limit was exceeded and no resource paid twice, and what the sums must
// be.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../../scripts/lib.mjs";
import { LAPSE } from "../runtimes/shop.js";
import { startPostgres, startRedis } from "../support/servers.mjs";
import { closingLine, tally } from "../support/tally.mjs";
import { openMarket } from "./market.mjs";

const PROCESSES = 8;
const ORIGINS = 50;
const AT_ONCE = 3;
/** Of each process. A tenth of the whole size is bought by `npm test`. */
const PURCHASES = 2_000;
/** The limit leaves the last tenth of all purchases unpaid. */
const LEFT = 0.9;
/** One of so many calls is for what another process wants too. */
const SHARED = 10;

const isWhole = process.argv.includes("--whole");
const seed = Number(/--seed=(\d+)/.exec(process.argv.join(" "))?.[1] ?? Date.now() % 1e9);
const NODE_24 = at("tests/node_modules/node24/bin/node");

/** Numbers below 1, the same for the same seed (mulberry32). */
function randomOf(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KINDS = {
  async postgres() {
    const server = await startPostgres({ fsync: "on" });
    return { place: server.port, close: server.close };
  },
  async redis() {
    const server = await startRedis();
    return { place: server.port, close: server.close };
  },
  async sqlite() {
    const folder = await mkdtemp(join(tmpdir(), "l402-fleet-"));
    return {
      place: join(folder, "ledger.db"),
      execPath: NODE_24,
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

/**
 * Starts a process and gives it a job. `tell(message)` is called with what it says. Resolves with how to kill it, and
 * `over`: once it has done its job, or is gone.
 */
function start(given, execPath, job, tell) {
  const child = fork(at("tests/fleet/buyer.js"), [JSON.stringify(given)], { execPath, execArgv: ["--no-warnings"] });
  const kill = () => child.kill("SIGKILL");
  child.on("message", (message) => {
    if (message.ready) child.send(job);
    else if (message.done) kill();
    else tell(message);
  });
  return { kill, over: once(child, "exit") };
}

async function fleet(kind) {
  const { place, execPath = process.execPath, close } = await KINDS[kind]();
  const random = randomOf(seed);
  const count = isWhole ? PURCHASES : PURCHASES / 10;
  const perHour = Math.floor(PROCESSES * count * 10 * LEFT);
  /** One of so many moments of an order ends a process: about as many kills in all whatever the size. */
  const kills = { left: 40, everyMoments: Math.ceil((3 * PROCESSES * count) / 40) };
  const running = new Map();

  const market = await openMarket({
    origins: ORIGINS,
    limitMsat: perHour * 1000,
    moment(_, buyer) {
      if (kills.left === 0 || random() * kills.everyMoments >= 1) return;
      kills.left--;
      const names = [...running.keys()];
      // the buyer itself, at this very moment, or another wherever that is
      running.get(random() < 0.5 ? buyer : names[Math.floor(random() * names.length)])?.kill();
    },
  });
  const given = { kind, place, wallet: market.wallet, perHour, atOnce: AT_ONCE };

  function urlsOf(name) {
    return Array.from({ length: count }, (_, index) => {
      const origin = market.origins[Math.floor(random() * ORIGINS)];
      const isShared = random() * SHARED < 1;
      return `${origin}/${isShared ? `shared/${Math.floor((random() * count) / SHARED)}` : `${name}/${index}`}`;
    });
  }

  /** Buys all URLs with one process after another of this name. Resolves with what came of each. */
  async function buyAll(name, urls, more = {}) {
    const outcomes = new Map();
    for (;;) {
      const rest = [...new Set(urls)].filter((url) => !outcomes.has(url));
      if (rest.length === 0) return outcomes;
      const buyer = start({ ...given, name, ...more }, execPath, { job: "buy", urls: rest }, ({ url, outcome }) =>
        outcomes.set(url, outcome),
      );
      running.set(name, buyer);
      await buyer.over;
      running.delete(name);
    }
  }

  try {
    const names = Array.from({ length: PROCESSES }, (_, index) => `buyer-${index}`);
    const wanted = names.map((name) => urlsOf(name));
    const begin = performance.now();
    const outcomes = await Promise.all(names.map((name, index) => buyAll(name, wanted[index])));
    const seconds = (performance.now() - begin) / 1000;
    const bought = market.paid().length;
    const counts = {};
    for (const outcome of outcomes.flatMap((each) => [...each.values()])) counts[outcome] = (counts[outcome] ?? 0) + 1;
    console.log(
      `${kind}, seed ${seed}: ${bought} purchases by ${PROCESSES} processes in ${seconds.toFixed(1)} s, ${(bought / seconds).toFixed(0)} a second; ${40 - kills.left} killed; ${JSON.stringify(counts)}`,
    );

    // what was left open by those who were killed is settled by one that comes much later
    kills.left = 0;
    const open = new Set();
    for (const each of outcomes)
      for (const [url, outcome] of each) if (!["bought", "over_limit"].includes(outcome)) open.add(url);
    const later = await buyAll("later", [...open], { pass: LAPSE });
    const ledger = {};
    await start({ ...given, name: "teller" }, execPath, { job: "tell" }, (told) => Object.assign(ledger, told)).over;
    return results({ market, counts, bought, later, ledger, perHour });
  } finally {
    for (const buyer of running.values()) buyer.kill();
    await market.close();
    await close();
  }
}

/** What must hold in the end, each as a test. */
function results({ market, counts, bought, later, ledger, perHour }) {
  const paid = market.paid();
  const told = ledger.payments.filter(([, state]) => state === "paid").map(([hash]) => hash);
  const unsettled = ledger.payments.filter(([, state]) => !["paid", "failed"].includes(state));
  const wrong = [...later].filter(([, outcome]) => !["bought", "over_limit", "payment_failed"].includes(outcome));
  const spent = market.spentMsat();
  const checks = {
    "no limit was exceeded, and no resource paid twice": market.faults,
    "every call came to something that it may come to": Object.keys(counts).filter(
      (outcome) => !["bought", "over_limit", "payment_failed", "payment_unknown"].includes(outcome),
    ),
    "what was left open is settled later": [...wrong, ...unsettled],
    "the ledger has the payments of the wallet, and no others": [
      ...paid.filter((hash) => !told.includes(hash)),
      ...told.filter((hash) => !paid.includes(hash)),
    ],
    "the sums are those of the wallet": [
      ledger.spent.total === Math.ceil(spent / 1000) ? [] : [`${ledger.spent.total} sat, and ${spent} msat`],
      ledger.spent.hour === ledger.spent.total ? [] : [`${ledger.spent.hour} in the hour`],
    ].flat(),
    "the limit was reached, and nearly all was bought":
      bought * 10 > perHour * 0.85 && counts.over_limit > 0 ? [] : [`${bought} bought`],
  };
  return Object.entries(checks).map(([name, faults]) => ({
    name,
    ok: faults.length === 0,
    error: JSON.stringify(faults.slice(0, 5)),
  }));
}

const kinds = process.argv.slice(2).filter((word) => !word.startsWith("--"));
for (const kind of kinds.length > 0 ? kinds : Object.keys(KINDS)) await tally(`fleet on ${kind}`, () => fleet(kind));
closingLine();
