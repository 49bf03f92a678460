// The ledger: a SQLite database that only its owner can read.
import { chmodSync, mkdirSync, statSync } from "node:fs";
import type { Store } from "../core/store.js";
import { sqliteStore } from "../stores/sqlite.js";
import { DATA, LEDGER } from "./places.js";
import { whileRunning } from "./running.js";

export interface Ledger {
  store: Store;
  /** Resolves once no write is under way. */
  written(): Promise<void>;
}

/** Opens the ledger; makes it at the first time. */
export function openLedger(): Ledger {
  silenceSqlite();
  try {
    mkdirSync(DATA, { recursive: true, mode: 0o700 });
    keepPrivate();
  } catch {
    // The store says what is wrong, once it is needed.
  }
  const store = whileRunning(sqliteStore(LEDGER));
  const writing = new Set<Promise<unknown>>();
  return {
    store: {
      ...store,
      write(changes, seen) {
        const write = store.write(changes, seen);
        const end = () => writing.delete(write);
        writing.add(write);
        write.then(end, end);
        return write;
      },
    },
    async written() {
      // What is noted after an answer begins a moment later.
      await new Promise(setImmediate);
      while (writing.size > 0) await Promise.allSettled(writing);
    },
  };
}

/** Takes a ledger back from others: a copy or a backup may have opened it to them. */
function keepPrivate() {
  if (process.platform === "win32") return;
  const mode = statSync(LEDGER, { throwIfNoEntry: false })?.mode ?? 0;
  if (mode & 0o077) chmodSync(LEDGER, 0o600);
}

/** Some versions of Node warn about their SQLite at each start. Other warnings are shown. */
function silenceSqlite() {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!/^SQLite is an experimental feature/.test(String(warning))) emitWarning.call(process, warning, ...rest);
  }) as typeof emitWarning;
}
