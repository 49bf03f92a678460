// SQLite with everything on the disk, beside the earlier build's file and beside bare transactions of the same rows.
import { copyFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { sqliteStore } from "../../dist/stores/sqlite.js";
import { fill } from "../../tests/support/past.mjs";
import { buyer, count, given, inTurn, line, median, ms, ratio, repeat, timed } from "./buy.mjs";

const { earlier, commit, folder, isQuick } = given();
const ours = await import("../../dist/node.js");
const rounds = isQuick ? 100 : 300;
const many = isQuick ? 100_000 : 1_000_000;

/** A buyer on a file, and what its purchases wrote: `take()` gives the writes since it was last asked. */
function recorded(path) {
  const store = sqliteStore(path);
  let writes = [];
  const recording = {
    ...store,
    write(changes, seen) {
      writes.push({ changes: Object.entries(changes), seen: Object.keys(seen) });
      return store.write(changes, seen);
    },
  };
  const take = () => {
    const taken = writes;
    writes = [];
    return taken;
  };
  return { ...buyer(ours, { store: recording }), take };
}

/** The same writes by hand: a transaction for each, which reads the compared rows and writes the changed ones. */
function bare(path) {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  const get = database.prepare("SELECT value FROM l402_fetch WHERE key = ?");
  const put = database.prepare("INSERT OR REPLACE INTO l402_fetch (key, value) VALUES (?, ?)");
  const remove = database.prepare("DELETE FROM l402_fetch WHERE key = ?");
  return (writes) => {
    for (const { changes, seen } of writes) {
      database.exec("BEGIN IMMEDIATE");
      for (const key of seen) get.get(key);
      for (const [key, value] of changes) value === null ? remove.run(key) : put.run(key, value);
      database.exec("COMMIT");
    }
  };
}

/** Closes the write-ahead log into the file, so that a copy of the file is whole. */
function settle(path) {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

async function beside(path) {
  settle(path);
  const copy = `${path}-bare`;
  await copyFile(path, copy);
  const one = recorded(path);
  const replay = bare(copy);
  await repeat(20, async () => {
    await one.buy();
    replay(one.take());
  });
  const [bought, replayed, writes] = [[], [], []];
  await repeat(rounds, async () => {
    bought.push(await timed(one.buy));
    const taken = one.take();
    writes.push(taken.length);
    replayed.push(await timed(() => replay(taken)));
  });
  return { ours: median(bought), bare: median(replayed), writes: median(writes) };
}

async function file(path) {
  const theirs = await import(join(earlier, "node.js"));
  const { fileStore } = await import(join(earlier, "stores/file.js"));
  const size = isQuick ? 250 : 1000;
  const one = buyer(theirs, { store: fileStore(path) });
  await repeat(size, one.buy);
  const [taken] = await inTurn(10, [one.buy]);
  return { size, taken };
}

console.log(
  `\n== SQLite, node:sqlite of Node ${process.version}, WAL, synchronous FULL: a purchase, median of ${rounds}`,
);
const few = join(folder, "few.db");
await repeat(1000, buyer(ours, { store: sqliteStore(few) }).buy);
const at1000 = await beside(few);
const told = (name, { ours, bare, writes }) => line(name, ms(ours), ms(bare), ratio(ours / bare), `${writes} writes`);
told("at 1,000 payments, all bought: ours, bare", at1000);
console.log("  aim: at most 2 x the bare transactions");
const other = await file(join(folder, "earlier.json"));
line(
  `fileStore of ${commit} at ${count(other.size)}, all bought: ours of that`,
  ms(other.taken),
  ratio(at1000.ours / other.taken),
);
console.log("  aim: at 1,000 at most 0.01 x");

const large = join(folder, "many.db");
await sqliteStore(large).write({}, {});
const database = new DatabaseSync(large);
database.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN");
const put = database.prepare("INSERT OR REPLACE INTO l402_fetch (key, value) VALUES (?, ?)");
const direct = {
  async write(changes) {
    for (const [key, value] of Object.entries(changes)) put.run(key, value);
    return true;
  },
};
const filling = await timed(() => fill(direct, ours, { count: many, gap: 1000, isAscending: true }));
database.exec("COMMIT");
database.close();
const atMany = await beside(large);
told(`at ${count(many)} payments, made up in ${(filling / 1000).toFixed(0)} s`, atMany);
line("  beside 1,000", ratio(atMany.ours / at1000.ours));
console.log("  aim: at 1,000,000 at most 1.3 x that at 1,000");

const one = buyer(ours, { store: sqliteStore(few) });
const each = [[], []];
await repeat(isQuick ? 10 : 40, async () => {
  each[0].push((await timed(() => repeat(16, one.buy))) / 16);
  each[1].push((await timed(() => Promise.all(Array.from({ length: 16 }, one.buy)))) / 16);
});
const [after, together] = each.map(median);
line("16 at once: one after the other, at once, times as many", ms(after), ms(together), ratio(after / together));
console.log("  aim: at least 3 x");
