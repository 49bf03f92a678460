import type { Store } from "../index.js";

/** What is used of a Durable Object's stub. */
export interface LedgerStub {
  fetch(url: string, init: { method: string; body: string }): Promise<Response>;
}

/** What is used of a Workers KV namespace. */
export interface TokenCache {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

/**
 * A store in one Durable Object of the class `L402Ledger` (`l402-fetch/stores/durable-object/ledger`), shared by all Workers
 * that ask the same object. Its locks are leases: those of a Worker that ended without freeing them are another's after 20 s.
 *
 * @param stub of the object; or a function that gets one, which a store that is kept in a module needs: workerd lets a
 *   request use no other request's stub
 * @param options.cache Workers KV, from which tokens alone are read, and only outside of a purchase. It may be a minute
 *   behind: then a request costs a round trip more, never a payment, since a purchase reads the object.
 * @throws {L402Error} `invalid_options`
 */
export function durableObjectStore(
  stub: LedgerStub | (() => LedgerStub),
  options?: { cache?: TokenCache | undefined },
): Store;
