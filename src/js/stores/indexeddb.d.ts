import type { Store } from "../index.js";

/**
 * A store in IndexedDB, shared by all windows and workers (service workers too) of an origin. Locks are Web Locks: they
 * exist in secure contexts only (https, localhost), and elsewhere nothing is paid (`store_failed`).
 *
 * @param name the database's name. Default: "l402-fetch"
 * @throws {L402Error} `invalid_options`
 */
export function indexedDBStore(name?: string): Store;
