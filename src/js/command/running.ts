// Which commands are running. Whoever stands behind an open payment has a lease in the ledger, and others wait minutes
// before they take it for gone. On one machine it can be known at once: each command that buys holds a lock, of which
// the system lets go when it ends, however it ends. The lock is that of a SQLite file, which every system has.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Store } from "../core/store.js";
import { DATA } from "./places.js";

const RUNNING = join(DATA, "running");
/** What the key of a lease begins with. */
const LEASE = "lease/";

const fileOf = (key: string) => join(RUNNING, encodeURIComponent(key.slice(LEASE.length)));

/** The lock of a file, which is made. Undefined if somebody has it, or if it can't be had for another reason. */
function lock(file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new (process.getBuiltinModule("node:sqlite").DatabaseSync)(file);
    database.exec("PRAGMA busy_timeout = 0");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch {
    database?.close();
    return undefined;
  }
}

/**
 * A store that ends the leases of commands that are gone as soon as anybody reads them. Nobody looks for the lock of a
 * lease that is not written yet, so that lock is always free.
 */
export function whileRunning(store: Store): Store {
  const held = new Map<string, DatabaseSync>();

  /** Without a file others wait for the lease to lapse, so a failure here stops nothing. */
  function hold(key: string) {
    const file = fileOf(key);
    try {
      mkdirSync(RUNNING, { recursive: true, mode: 0o700 });
      const database = lock(file);
      if (database) held.set(key, database);
      // A file without a lock would say that this command is gone.
      else rmSync(file, { force: true });
    } catch {
      rmSync(file, { force: true });
    }
  }

  function drop(key: string) {
    held.get(key)?.close();
    held.delete(key);
    rmSync(fileOf(key), { force: true });
  }

  /** Ends the lease of a command that is gone. Gives whether it is ended. */
  async function end(key: string, value: string) {
    const database = !held.has(key) && existsSync(fileOf(key)) && lock(fileOf(key));
    if (!database) return false;
    const isEnded = await store.write({ [key]: null }, { [key]: value });
    database.close();
    if (isEnded) drop(key);
    return isEnded;
  }

  return {
    ...store,
    async read(keys) {
      const values = await store.read(keys);
      for (const [index, key] of keys.entries()) {
        const value = values[index] ?? null;
        if (key.startsWith(LEASE) && value !== null && (await end(key, value))) values[index] = null;
      }
      return values;
    },
    async write(changes, seen) {
      const leases = Object.entries(changes).filter(([key]) => key.startsWith(LEASE));
      for (const [key, value] of leases) if (value !== null && !held.has(key)) hold(key);
      const isWritten = await store.write(changes, seen);
      for (const [key, value] of leases) if (value === null && isWritten) drop(key);
      return isWritten;
    },
  };
}
