// A SQLite database, and a store in it, in each runtime.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** A database of the runtime's own, or of better-sqlite3 where its folder is given. */
export function openDatabase(path, better) {
  if (better) return new (require(better))(path);
  const bun = globalThis.Bun && process.getBuiltinModule("bun:sqlite");
  const Database = bun ? bun.Database : process.getBuiltinModule("node:sqlite").DatabaseSync;
  return new Database(path);
}

export const openStore = (sqliteStore, path, better) => sqliteStore(better ? openDatabase(path, better) : path);
