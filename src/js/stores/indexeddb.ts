import { L402Error } from "../core/error.js";
import { rangeOf } from "../core/range.js";
import type { Store } from "../core/store.js";

const VERSION = 1;
const ROWS = "rows";

/**
 * A store in IndexedDB, shared by all windows and workers (service workers too) of an origin, on pages without https
 * as well. Every write is one transaction, strictly durable: it is on the disk when it resolves.
 *
 * A database of a later version, or of somebody else's, is not touched. Where one is deleted while it is open, by
 * another tab or by the person, the store goes on with a new one. Browsers delete databases of sites that were long
 * not visited: ask for `navigator.storage.persist()`.
 *
 * @param name of the database. Default: "l402-fetch"
 * @throws {L402Error} `invalid_options`
 */
export function indexedDBStore(name = "l402-fetch"): Store {
  if (typeof name !== "string" || name === "")
    throw new L402Error("invalid_options", "name must be a string, the database's name");
  let opened: Promise<IDBDatabase> | undefined;

  function open() {
    if (opened) return opened;
    const forget = () => {
      if (opened === mine) opened = undefined;
    };
    const mine = openDatabase(name, forget);
    opened = mine;
    mine.catch(forget);
    return mine;
  }

  async function begin(mode: IDBTransactionMode): Promise<IDBTransaction> {
    const given = await open();
    try {
      return given.transaction(ROWS, mode, { durability: "strict" });
    } catch (error) {
      // The connection was closed meanwhile: by the browser, or for another tab that deletes the database.
      if ((error as Partial<Error> | undefined)?.name !== "InvalidStateError") throw error;
      opened = undefined;
      return (await open()).transaction(ROWS, mode, { durability: "strict" });
    }
  }

  /**
   * Runs a task in one transaction. The task asks; the function that it returns tells the outcome, once all is
   * answered and on the disk. Only handlers of the transaction's own requests may ask more: it ends when nothing is
   * asked.
   */
  async function transact<T>(mode: IDBTransactionMode, task: (rows: IDBObjectStore) => () => T): Promise<T> {
    const transaction = await begin(mode);
    return new Promise((resolve, reject) => {
      const outcome = task(transaction.objectStore(ROWS));
      transaction.oncomplete = () => {
        try {
          resolve(outcome());
        } catch (error) {
          reject(error);
        }
      };
      transaction.onabort = () =>
        reject(transaction.error ?? new Error(`the database "${name}" ended the transaction`));
    });
  }

  function textOf(value: unknown, key: string): string {
    if (typeof value === "string") return value;
    throw new Error(`the database "${name}" holds something other than text under ${key}: give the store another name`);
  }
  const rowOf = (value: unknown, key: string) => (value === undefined ? null : textOf(value, key));

  return {
    read(keys) {
      const wanted = [...keys];
      return transact("readonly", (rows) => {
        const asked = wanted.map((key) => rows.get(key));
        return () => asked.map(({ result }, index) => rowOf(result, wanted[index] as string));
      });
    },
    write(changes, seen) {
      const [changed, expected] = [Object.entries(changes), Object.entries(seen)];
      return transact("readwrite", (rows) => {
        let written = false;
        const asked = expected.map(([key]) => rows.get(key));
        const values = () => asked.map(({ result }, index) => rowOf(result, expected[index]?.[0] as string));
        const change = () => {
          for (const [key, value] of changed) {
            if (value === null) rows.delete(key);
            else rows.put(value, key);
          }
          written = true;
        };
        const last = asked.at(-1);
        if (!last) change();
        else
          last.onsuccess = () => {
            try {
              if (values().every((value, index) => value === expected[index]?.[1])) change();
            } catch {
              // What is no text is told when the transaction has ended.
            }
          };
        return () => {
          values();
          return written;
        };
      });
    },
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      const { limit, reverse } = options;
      // A count of 0 would mean all.
      if (!range || limit === 0) return [];
      const keys = IDBKeyRange.bound(range.from, range.to, range.open, true);
      return transact("readonly", (rows) => {
        const found: [string, unknown][] = [];
        const asked = rows.openCursor(keys, reverse ? "prev" : "next");
        asked.onsuccess = () => {
          const cursor = asked.result;
          if (!cursor) return;
          found.push([String(cursor.key), cursor.value]);
          if (found.length < limit) cursor.continue();
        };
        return () => found.map(([key, value]) => [key, textOf(value, key)]);
      });
    },
  };
}

/** Opens the database; `closed` is called once its connection can't be used any more. */
function openDatabase(name: string, closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (!globalThis.indexedDB) throw new Error("IndexedDB is missing in this runtime: use another store");
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(ROWS);
    request.onerror = () => {
      const { error } = request;
      reject(
        error?.name !== "VersionError"
          ? error
          : new Error(`the database "${name}" was made by a later version of l402-fetch: update to use it`, {
              cause: error,
            }),
      );
    };
    request.onsuccess = () => {
      const database = request.result;
      // Who wants to delete or upgrade the database need not wait for this connection.
      database.onversionchange = () => {
        database.close();
        closed();
      };
      database.onclose = closed;
      if (database.objectStoreNames.contains(ROWS)) return resolve(database);
      database.close();
      reject(new Error(`the database "${name}" is not this package's: give the store another name`));
    };
  });
}
