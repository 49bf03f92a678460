import { open, readFile, readdir, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { L402Error } from "../core/error.js";
import { takeLock } from "./lock-file.js";

const VERSION = 1;
/** The core's lock for reading, changing and writing the records. A holder writes only values that it has read. */
const LEDGER = "l402-fetch/ledger";
/** The lock for replacing the file. */
const WRITE = "l402-fetch/write";

/**
 * A store in one JSON file, for Node, Deno and Bun, shared by all processes that use the same path. The file is
 * replaced as a whole (mode 0600), so it is never half written. Beside it a folder `<path>.locks` holds a small file
 * for each lock.
 *
 * The first write makes the file. Its folder must be there: a missing folder may be a disk that is not mounted, and an
 * empty store would have forgotten what was paid. A file that is damaged, or written by a later version, is never
 * overwritten.
 *
 * The locks of a killed process are free at once if it is certain that the process is gone. Otherwise they are free
 * after 20 s without a sign of life. Deno needs `--allow-read` and `--allow-write` for the folder.
 *
 * @param {string} path
 * @returns {import("../core/store.js").Store}
 * @throws {L402Error} `invalid_options`
 */
export function fileStore(path) {
  if (typeof path !== "string" || path === "")
    throw new L402Error("invalid_options", "path must be a string, the store's file");
  const given = resolve(path);
  let place;
  /** While this store has the ledger lock: that lock, and the values that were read since. */
  let ledger;

  /** The path with its links resolved, so that all who share the file share its locks. */
  async function locate() {
    if (place) return place;
    let file;
    try {
      file = await realpath(given);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      const folder = await realpath(dirname(given)).catch((cause) => {
        if (cause.code !== "ENOENT") throw cause;
        throw new Error(`the folder of ${given} is missing: make it, or mount its disk`, { cause });
      });
      file = join(folder, basename(given));
    }
    place = file;
    return place;
  }

  async function change(key, value) {
    const file = await locate();
    await withLock(file, WRITE, async (lock) => {
      if (lock.inherited) await removeLeftovers(file);
      const values = await read(file);
      const check = ledger;
      if (check?.seen.has(key) && check.seen.get(key) !== values.get(key)) throw changed(file);
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      const isOurs = async () => (await lock.isHeld()) && (!check || (await check.lock.isHeld()));
      await replace(
        file,
        `${JSON.stringify({ version: VERSION, values: Object.fromEntries(values) })}\n`,
        lock.generation,
        isOurs,
      );
      check?.seen.set(key, value);
    });
  }

  return {
    async get(key) {
      const current = ledger;
      const value = (await read(await locate())).get(key);
      current?.seen.set(key, value);
      return value;
    },
    set: (key, value) => change(key, String(value)),
    delete: (key) => change(key, undefined),
    async lock(name, task) {
      return withLock(await locate(), name, async (lock) => {
        if (name !== LEDGER) return task({ takenOver: lock.takenOver });
        ledger = { lock, seen: new Map() };
        try {
          return await task({ takenOver: lock.takenOver });
        } finally {
          ledger = undefined;
        }
      });
    },
  };
}

const changed = (file) =>
  new Error(`${file} was changed by another process that took the lock over: nothing was written`);

/** The waiters of this process for the same lock, in turn. Only one of them asks the file system. */
const turns = new Map();

async function withLock(file, name, task) {
  const id = JSON.stringify([file, name]);
  const before = turns.get(id);
  let end;
  const turn = new Promise((resolve) => (end = resolve));
  turns.set(id, turn);
  await before;
  try {
    const lock = await takeLock(`${file}.locks`, name);
    try {
      return await task(lock);
    } finally {
      await lock.release();
    }
  } finally {
    if (turns.get(id) === turn) turns.delete(id);
    end();
  }
}

async function read(file) {
  let bytes;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    await stat(dirname(file)).catch((cause) => {
      throw new Error(`the folder of ${file} is missing: make it, or mount its disk`, { cause });
    });
    return new Map();
  }
  let stored;
  try {
    stored = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(file, cause);
  }
  if (Number.isInteger(stored?.version) && stored.version > VERSION) {
    throw new Error(`${file} was written by a later version of l402-fetch: update to use it`);
  }
  const { version, values } = stored ?? {};
  if (version !== VERSION || typeof values !== "object" || values === null || Array.isArray(values))
    throw damaged(file);
  const entries = Object.entries(values);
  if (entries.some(([, value]) => typeof value !== "string")) throw damaged(file);
  return new Map(entries);
}

const damaged = (file, cause) =>
  new Error(
    `${file} is damaged, or not a store: nothing is overwritten; restore it or move it away`,
    cause && { cause },
  );

/**
 * Puts a new file in the old one's place. It is on the disk before this resolves. The new holder of a lock that was
 * taken over removes all temporary files before it reads. So the rename either came before that, or it fails.
 */
async function replace(file, text, generation, isOurs) {
  const temporary = `${file}.${generation}.tmp`;
  try {
    const handle = await open(temporary, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!(await isOurs())) throw changed(file);
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  // Windows can't open a folder, and need not: its rename is in the journal of the file system.
  if (process.platform === "win32") return;
  const folder = await open(dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function removeLeftovers(file) {
  const [folder, start] = [dirname(file), `${basename(file)}.`];
  for (const name of await readdir(folder)) {
    if (name.startsWith(start) && /^\d+\.tmp$/.test(name.slice(start.length)))
      await unlink(join(folder, name)).catch(() => {});
  }
}
