import { L402Error } from "../core/error.js";
import { rangeOf } from "../core/range.js";
import type { Store } from "../core/store.js";
import { fromText, toText } from "./text.js";

/** The part of a database that is used: one of node:sqlite, bun:sqlite or better-sqlite3. */
export interface SqliteDatabase {
  /** Runs statements without values. */
  exec(sql: string): unknown;
  /** Compiles a statement. */
  prepare(sql: string): SqliteStatement;
}

/** The part of a compiled statement that is used. */
export interface SqliteStatement {
  /** Runs it and gives the first row. */
  // biome-ignore lint/suspicious/noExplicitAny: each library has types of its own for what it binds and returns
  get(...values: any[]): any;
  /** Runs it and gives all rows. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  all(...values: any[]): any[];
  /** Runs it. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  run(...values: any[]): unknown;
}

/**
 * The longest wait for a transaction of another process, and the longest pause between two tries, in milliseconds.
 */
const PATIENCE = 10_000;
const PAUSE = 25;

declare const process: { getBuiltinModule?(name: string): unknown } | undefined;
declare function setImmediate(task: () => void): void;

const builtin = <T>(name: string): T | undefined =>
  typeof process === "undefined" ? undefined : (process.getBuiltinModule?.(name) as T | undefined);

/**
 * A store in a SQLite database: one table, `l402_fetch`. All processes of one machine may share it. It does not work on
 * a network's file system, which has no shared memory for the write-ahead log.
 *
 * Every write is on the disk before it resolves (write-ahead log, `synchronous` FULL). Writes at the same moment share
 * a transaction, and so the disk's time. SQLite works synchronously, but the store waits for a lock of another process
 * asynchronously, up to 10 s. A file that is no database is never overwritten.
 *
 * @param database A path, for the SQLite that Node (22.13 or later), Deno and Bun bring. If the file is missing, it is
 *   made (mode 0600), but not its folder. Or an open database of better-sqlite3, node:sqlite or bun:sqlite. The store
 *   makes it use a write-ahead log. It rejects while the caller is inside a transaction of the same database.
 * @throws {L402Error} `invalid_options`
 */
export function sqliteStore(database: string | SqliteDatabase): Store {
  const connect = connector(database);
  let connection: Connection | undefined;
  let waiting: Write[] = [];

  /** Runs a task in a transaction, as soon as no other transaction is in the way. */
  async function transact<T>(begin: string, task: (connection: Connection) => T): Promise<T> {
    const end = performance.now() + PATIENCE;
    for (let pause = 1; ; pause = Math.min(2 * pause, PAUSE)) {
      try {
        connection ??= connect();
        return connection.transact(begin, task);
      } catch (error) {
        if (!isLocked(error) || performance.now() > end) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    }
  }

  async function commit() {
    const writes = waiting;
    waiting = [];
    try {
      const done = await transact("BEGIN IMMEDIATE", (rows) => writes.map((write) => rows.write(write)));
      for (const [index, { resolve }] of writes.entries()) resolve(done[index] as boolean);
    } catch (error) {
      for (const { reject } of writes) reject(error);
    }
  }

  return {
    read(keys) {
      const wanted = [...keys];
      return transact("BEGIN", (rows) => wanted.map((key) => rows.get(key)));
    },
    write: (changes, seen) =>
      new Promise((resolve, reject) => {
        waiting.push({ changes: Object.entries(changes), seen: Object.entries(seen), resolve, reject });
        // Not at once, so that other writes of this moment join the transaction.
        if (waiting.length === 1) setImmediate(commit);
      }),
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      const { limit, reverse } = options;
      if (!range) return [];
      const { from, open, to } = range;
      const order = reverse ? "DESC" : "ASC";
      const found = await transact("BEGIN", ({ statement }) =>
        statement(
          `SELECT key, value FROM l402_fetch WHERE key ${open ? ">" : ">="} ? AND key < ? ORDER BY key ${order} LIMIT ?`,
        ).all(from, to, limit),
      );
      return found.map(({ key, value }) => [key, fromText(value)]);
    },
  };
}

interface Write {
  changes: [string, string | null][];
  seen: [string, string | null][];
  resolve(done: boolean): void;
  reject(error: unknown): void;
}

interface Connection {
  statement(sql: string): SqliteStatement;
  get(key: string): string | null;
  write(write: Write): boolean;
  /** Fails at once if another process is in the way, or if the caller is inside a transaction. */
  transact<T>(begin: string, task: (rows: Connection) => T): T;
}

/** A function that opens the database, or gives the caller's. */
function connector(database: string | SqliteDatabase): () => Connection {
  if (typeof database === "object" && database !== null) {
    for (const method of ["exec", "prepare"] as const)
      if (typeof database[method] !== "function")
        throw invalid("database must be one of node:sqlite, bun:sqlite or better-sqlite3");
    return () => withoutWaiting(database, () => prepare(database, withoutWaiting));
  }
  if (typeof database !== "string" || database === "")
    throw invalid("database must be a path, or a database that is open");
  if (database === ":memory:") throw invalid("a database in memory is gone with its process: use memoryStore()");
  const Database =
    builtin<{ Database: Opener }>("bun:sqlite")?.Database ??
    builtin<{ DatabaseSync: Opener }>("node:sqlite")?.DatabaseSync;
  const files = builtin<Files>("node:fs");
  const path = builtin<{ resolve(path: string): string }>("node:path")?.resolve(database);
  if (!Database || !files || !path)
    throw invalid("this runtime has no SQLite: use Node 22.13 or later, or hand in a better-sqlite3 database");
  return () => {
    create(path, files);
    const opened = new Database(path);
    try {
      opened.exec("PRAGMA busy_timeout = 0");
      return prepare(opened, (_, task) => task());
    } catch (error) {
      opened.close();
      throw error;
    }
  };
}

type Opener = new (path: string) => SqliteDatabase & { close(): void };
type Files = { openSync(path: string, flags: string, mode: number): number; closeSync(file: number): void };

/** Makes the file for its owner only. SQLite gives the same mode to the files beside it. */
function create(path: string, { openSync, closeSync }: Files) {
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch (cause) {
    if ((cause as { code?: string }).code !== "ENOENT") throw cause;
    throw new Error(`the folder of ${path} is missing: make it, or mount its disk`, { cause });
  }
}

/** Turns SQLite's own waiting off during a task: it would stop the whole program. The caller may want it elsewhere. */
function withoutWaiting<T>(database: SqliteDatabase, task: () => T): T {
  const before = Number(database.prepare("PRAGMA busy_timeout").get().timeout);
  database.exec("PRAGMA busy_timeout = 0");
  try {
    return task();
  } finally {
    database.exec(`PRAGMA busy_timeout = ${before}`);
  }
}

/** Sets a database up, and prepares its statements. `guard` is put around each transaction. */
function prepare(database: SqliteDatabase, guard: typeof withoutWaiting): Connection {
  // Fails inside a transaction of the caller's: a rollback would take the table away again.
  database.exec("BEGIN");
  database.exec("COMMIT");
  if (database.prepare("PRAGMA journal_mode = WAL").get().journal_mode !== "wal")
    throw new Error("the database can't have a write-ahead log: is it in memory, or on a network's file system?");
  // EXTRA (3) stays. Even an unchanged value has to be set: in some builds of SQLite, such as better-sqlite3's, a
  // default that was never set turns into NORMAL with the next transaction.
  const { synchronous } = database.prepare("PRAGMA synchronous").get();
  database.exec(`PRAGMA synchronous = ${synchronous === 3 ? "EXTRA" : "FULL"}`);
  // Only on macOS a disk has to be asked twice.
  database.exec("PRAGMA fullfsync = ON");
  database.exec(
    "CREATE TABLE IF NOT EXISTS l402_fetch (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
  );
  const statements = new Map<string, SqliteStatement>();
  function statement(sql: string): SqliteStatement {
    const found = statements.get(sql) ?? database.prepare(sql);
    statements.set(sql, found);
    return found;
  }
  const select = statement("SELECT value FROM l402_fetch WHERE key = ?");
  const upsert = statement(
    "INSERT INTO l402_fetch (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  const remove = statement("DELETE FROM l402_fetch WHERE key = ?");
  const get = (key: string): string | null => {
    const text = select.get(key)?.value;
    return text === undefined ? null : fromText(text);
  };

  const connection: Connection = {
    statement,
    get,
    write({ changes, seen }) {
      if (seen.some(([key, value]) => get(key) !== value)) return false;
      for (const [key, value] of changes) {
        if (value === null) remove.run(key);
        else upsert.run(key, toText(value));
      }
      return true;
    },
    transact: (begin, task) =>
      guard(database, () => {
        database.exec(begin);
        try {
          const done = task(connection);
          database.exec("COMMIT");
          return done;
        } catch (error) {
          try {
            database.exec("ROLLBACK");
          } catch {
            // SQLite has done it itself.
          }
          throw error;
        }
      }),
  };
  return connection;
}

const invalid = (message: string) => new L402Error("invalid_options", message);

/** Whether another process is in the way. Deno has no code for it, but every library shows SQLite's own text. */
const isLocked = (error: unknown) => /^database is locked/.test((error as Error | undefined)?.message ?? "");
