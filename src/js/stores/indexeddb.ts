import { L402Error } from "../core/error.js";
import type { Store } from "../core/store.js";

const VERSION = 1;
const VALUES = "values";

/**
 * A store in IndexedDB, shared by all windows and workers (service workers too) of an origin. Its locks are Web Locks.
 * They exist in secure contexts only (https, localhost). Elsewhere nothing is paid (`store_failed`).
 *
 * @param name The name of the database. Default: "l402-fetch"
 * @throws {L402Error} `invalid_options`
 */
export function indexedDBStore(name = "l402-fetch"): Store {
  if (typeof name !== "string" || name === "")
    throw new L402Error("invalid_options", "name must be a string, the database's name");
  let opened: Promise<IDBDatabase> | undefined;

  function open() {
    if (opened) return opened;
    const mine = openDatabase(name, () => {
      if (opened === mine) opened = undefined;
    });
    opened = mine;
    mine.catch(() => {
      if (opened === mine) opened = undefined;
    });
    return mine;
  }

  /** One request in its own transaction. A write has happened when its transaction is complete, and not before. */
  async function transact<Result>(
    mode: IDBTransactionMode,
    request: (values: IDBObjectStore) => IDBRequest<Result>,
  ): Promise<Result> {
    let transaction: IDBTransaction;
    try {
      transaction = begin(await open(), mode);
    } catch (error) {
      // The connection was closed meanwhile: by the browser, or for another tab that deletes the database.
      if ((error as Partial<Error> | undefined)?.name !== "InvalidStateError") throw error;
      opened = undefined;
      transaction = begin(await open(), mode);
    }
    return new Promise((resolve, reject) => {
      const asked = request(transaction.objectStore(VALUES));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () =>
        reject(transaction.error ?? new Error(`the database "${name}" ended the transaction`));
      transaction.commit?.();
    });
  }

  return {
    async get(key) {
      const value: unknown = await transact("readonly", (values) => values.get(key));
      if (value !== undefined && typeof value !== "string") {
        throw new Error(
          `the database "${name}" holds something other than text under ${key}: give the store another name`,
        );
      }
      return value;
    },
    async set(key, value) {
      await transact("readwrite", (values) => values.put(String(value), key));
    },
    async delete(key) {
      await transact("readwrite", (values) => values.delete(key));
    },
    async lock<T>(lock: string, task: () => Promise<T>): Promise<T> {
      const { locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
      // Without them two tabs could pay for the same thing.
      if (!locks) throw new Error("Web Locks are missing: serve the page over https, or from localhost");
      return locks.request(JSON.stringify([name, lock]), () => task());
    },
  };
}

/** A transaction that is on the disk once it is complete. */
const begin = (database: IDBDatabase, mode: IDBTransactionMode) =>
  database.transaction(VALUES, mode, { durability: "strict" });

/** Opens the database. `closed` is called once its connection can't be used any more. */
function openDatabase(name: string, closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (!globalThis.indexedDB) throw new Error("IndexedDB is missing in this runtime: use another store");
    const request = indexedDB.open(name, VERSION);
    let given = false;
    request.onupgradeneeded = () => request.result.createObjectStore(VALUES);
    request.onblocked = () => {
      given = true;
      reject(new Error(`the database "${name}" is blocked: close the other tabs of this site and try again`));
    };
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
      if (given) return database.close();
      // Others that want to delete or upgrade the database need not wait for this connection.
      database.onversionchange = () => {
        database.close();
        closed();
      };
      database.onclose = closed;
      if (database.objectStoreNames.contains(VALUES)) return resolve(database);
      database.close();
      reject(new Error(`the database "${name}" is not this package's: give the store another name`));
    };
  });
}
