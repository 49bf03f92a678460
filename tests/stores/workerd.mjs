// Durable Objects on a real disk, and Workers KV, in workerd: the shared suite, and a fleet of Workers on one ledger.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runSuite } from "../runtimes/harness.js";
import { startWorkers } from "../support/workerd.mjs";

export async function inWorkerd({ folder, base, other }) {
  const disk = join(folder, "disk");
  await mkdir(disk);
  const start = () => startWorkers(join(folder, "stores/workerd"), { disk });
  const fleet = { base, other, ...(await start()) };
  fleet.restart = async () => {
    await fleet.close("SIGKILL");
    Object.assign(fleet, await start());
  };
  try {
    const results = [];
    for (const name of ["suite", "old"]) {
      const response = await fetch(`${fleet.urls[name]}/?${new URLSearchParams({ base, other })}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${text}`);
      for (const result of JSON.parse(text)) results.push({ ...result, name: `${name}: ${result.name}` });
    }
    const tests = Object.entries(cases).map(([name, test]) => ({
      name,
      run: ({ same }) => runCase(test, fleet, same),
    }));
    return [...results, ...(await runSuite(tests, {}, { atOnce: 1, timeout: 90_000 }))];
  } finally {
    await fleet.close();
  }
}

let shops = 0;

/** Runs a test in a shop of its own. */
function runCase(test, fleet, same) {
  const id = `fleet-${++shops}`;
  const json = async (url, init) => (await fetch(url, init)).json();
  const t = {
    /** Asks a Worker for a paid resource; resolves with what came of it. */
    ask: (worker, path, options = {}) =>
      json(
        `${fleet.urls[worker]}/?${new URLSearchParams({ base: fleet.base, other: fleet.other, id, path, ...options })}`,
      ),
    restart: fleet.restart,
    stats: () => json(`${fleet.other}/stats/${id}?log=0`),
    until: (count, number) => json(`${fleet.other}/stats/${id}/wait?${count}=${number}`),
    release: () => json(`${fleet.other}/stats/${id}/release`, { method: "POST" }),
    kv: () => json(fleet.urls.kv),
    tellKv: (what, body) => fetch(`${fleet.urls.kv}/-/${what}`, { method: "POST", body }),
    same,
    async paid(payments, asked = payments) {
      const stats = await t.stats();
      t.same([stats.payments, stats.asked], [payments, asked], "payments and times the wallets were asked");
    },
  };
  return test(t);
}

const bought = { status: 200, paidNow: true };
const reused = { status: 200, paidNow: false };

const cases = {
  async "two Workers that ask for the same at once pay once"(t) {
    const first = t.ask("one", "a", { wallet: "answer=hold" });
    await t.until("asked", 1);
    const second = t.ask("two", "a");
    await t.until("challenges", 2);
    await t.release();
    t.same([await first, await second], [bought, reused]);
    await t.paid(1);
  },

  async "two Workers share one budget"(t) {
    const ends = await Promise.all(
      [0, 1, 2, 3].map((index) => t.ask(index % 2 ? "one" : "two", `${index}?scope=path`, { total: 15 })),
    );
    t.same(ends.map(({ status, code }) => code ?? status).sort(), [200, "over_limit", "over_limit", "over_limit"]);
    await t.paid(1);
  },

  async "one instance serves one request after another, and what it bought the other Worker uses"(t) {
    t.same(await t.ask("one", "a"), bought);
    t.same(await t.ask("one", "a"), reused);
    t.same(await t.ask("two", "a"), reused);
    await t.paid(1);
  },

  async "a Worker whose request ended while its wallet paid costs a wait, not a second payment"(t) {
    t.same(await t.ask("one", "a", { wallet: "answer=hold", leave: true }), { left: true });
    const second = t.ask("two", "a");
    t.same(await second, { code: "payment_unknown" });
    await t.release();
    await t.until("payments", 1);
    t.same(await t.ask("two", "a"), reused);
    await t.paid(1);
  },

  async "all Workers and the object are killed while a wallet pays: journal and lease are on the disk"(t) {
    const lost = t.ask("one", "a", { wallet: "answer=hold" }).catch(() => "lost");
    await t.until("asked", 1);
    await t.restart();
    t.same(await lost, "lost");
    t.same(await t.ask("two", "a"), { code: "payment_unknown" });
    await t.release();
    await t.until("payments", 1);
    t.same(await t.ask("one", "a"), reused);
    await t.paid(1);
  },

  async "tokens alone are in the cache, and a new instance reads them without the ledger"(t) {
    t.same(await t.ask("cached", "a"), bought);
    t.same((await t.kv()).keys, ["l402-fetch/tokens"]);
    const first = await t.ask("cached", "a", { fresh: true, count: true });
    t.same([first.status, first.paidNow], [200, false]);
    // once it is used a token is marked as accepted, which is written once
    t.same(await t.ask("cached", "a", { fresh: true, count: true }), { ...reused, asked: 0 });
    await t.paid(1);
  },

  async "a cache that is behind, holds nonsense or fails costs no payment"(t) {
    t.same(await t.ask("one", "a"), bought);
    await t.tellKv("set", '{"version":1,"tokens":[]}');
    t.same(await t.ask("cached", "a", { fresh: true }), reused);
    await t.tellKv("set", "<!doctype html>");
    t.same(await t.ask("cached", "a", { fresh: true }), reused);
    await t.tellKv("break", "true");
    t.same(await t.ask("cached", "a", { fresh: true }), reused);
    t.same(await t.ask("cached", "b", { fresh: true }), reused);
    await t.tellKv("break", "false");
    await t.paid(1);
  },
};
