import { L402Error } from "../core/error.js";
import type { Store } from "../core/store.js";

/** The core's lock for reading, changing and writing the records. Then the key that may be read from a cache. */
const LEDGER = "l402-fetch/ledger";
const TOKENS = "l402-fetch/tokens";

/** The object's lease, and how often it is renewed, in milliseconds. */
const LEASE = 20_000;
const RENEW = 5_000;
/** The longest time between two questions whether a lock is free, in milliseconds. */
const PATIENCE = 500;

/** The part of a Durable Object's stub that is used. */
export interface LedgerStub {
  /** Sends a request to the Durable Object. */
  fetch(url: string, init: { method: string; body: string }): Promise<Response>;
}

/** The part of a Workers KV namespace that is used. */
export interface TokenCache {
  /** Reads the text of a key. */
  get(key: string): Promise<string | null>;
  /** Writes the text of a key. */
  put(key: string, value: string): Promise<void>;
  /** Removes a key. */
  delete(key: string): Promise<void>;
}

/** An answer of the object. */
interface LedgerAnswer {
  error?: string;
  value?: string | null;
  /** The lock is held by another. */
  lost?: boolean;
  /** Another holds the lock for at most this many milliseconds. */
  wait?: number;
  takenOver?: number;
}

/**
 * A store in one Durable Object of the class `L402Ledger` (`l402-fetch/stores/durable-object/ledger`), shared by all
 * Workers that ask the same object. Its locks are leases: if a Worker ends without freeing them, others can take them
 * after 20 s.
 *
 * @param stub The stub of the object, or a function that gets one. A store that is kept in a module needs the function:
 *   in workerd a request can't use another request's stub.
 * @param options.cache Workers KV. Only tokens are read from it, and only outside of a purchase. It may be a minute
 *   behind. Then a request costs one more round trip, but never a payment, since a purchase reads the object.
 * @throws {L402Error} `invalid_options`
 */
export function durableObjectStore(
  stub: LedgerStub | (() => LedgerStub),
  options: { cache?: TokenCache | undefined } = {},
): Store {
  const isStub = (stub: unknown): stub is LedgerStub =>
    typeof (stub as Partial<LedgerStub> | null)?.fetch === "function";
  if (!isStub(stub) && typeof stub !== "function")
    throw invalid("stub must be a Durable Object's stub, or a function that gets one");
  if (options === null || typeof options !== "object") throw invalid("options must be an object");
  for (const key of Object.keys(options)) if (key !== "cache") throw invalid(`unknown option "${key}"`);
  const { cache } = options;
  for (const method of ["get", "put", "delete"] as const) {
    if (cache !== undefined && typeof cache?.[method] !== "function")
      throw invalid("cache must be a Workers KV namespace");
  }
  /** The holders of locks through this store, and the time until which each lease lasts at least. */
  const held = new Map<string, number>();
  /** The holder of the ledger lock. Its writes are refused if the lease was lost. */
  let ledger: string | undefined;

  async function ask(op: string, message: object): Promise<LedgerAnswer> {
    const response = await (isStub(stub) ? stub : stub()).fetch("https://l402-fetch/", {
      method: "POST",
      body: JSON.stringify({ op, ...message }),
    });
    const answer: LedgerAnswer | undefined = await response.json().catch(() => undefined);
    if (!response.ok || !answer) {
      throw new Error(
        answer?.error ?? `the Durable Object answered ${response.status}: is it of the class L402Ledger?`,
      );
    }
    return answer;
  }

  /** A request that has ended frees nothing, and must not turn the cache off for ever. */
  const isLocked = () => [...held.values()].some((until) => until > Date.now());

  async function change(key: string, value: string | null): Promise<void> {
    const { lost } = await ask("set", { key, value, ...(ledger && { name: LEDGER, holder: ledger }) });
    if (lost) throw new Error("the lock's lease ran out and another took it over: nothing was written");
    if (cache && key === TOKENS) {
      // The object has the value. A cache that fails, or takes no more writes for now, is only older.
      await (async () => (value === null ? cache.delete(key) : cache.put(key, value)))().catch(() => {});
    }
  }

  return {
    async get(key) {
      if (cache && key === TOKENS && !isLocked()) {
        const found = await (async () => cache.get(key))().catch(() => undefined);
        if (typeof found === "string") return found;
      }
      return (await ask("get", { key })).value;
    },
    set: (key, value) => change(key, String(value)),
    delete: (key) => change(key, null),
    async lock<T>(name: string, task: (lock: { takenOver: number | undefined }) => Promise<T>): Promise<T> {
      const holder = crypto.randomUUID();
      let state: LedgerAnswer;
      for (let pause = 20; ; pause = Math.min(pause * 1.5, PATIENCE)) {
        state = await ask("lock", { name, holder });
        if (!state.wait) break;
        // The waiter's own timer: in workerd no other request may wake it.
        await sleep(Math.min(state.wait, pause * (0.5 + Math.random())));
      }
      const extend = () => held.set(holder, Date.now() + LEASE);
      const renew = async () => {
        const { lost } = await ask("renew", { name, holder });
        if (lost) clearInterval(timer);
        else extend();
      };
      const timer = setInterval(() => renew().catch(() => {}), RENEW);
      extend();
      if (name === LEDGER) ledger = holder;
      try {
        return await task({ takenOver: state.takenOver });
      } finally {
        clearInterval(timer);
        held.delete(holder);
        if (ledger === holder) ledger = undefined;
        // If this fails, the lease runs out by itself.
        await ask("unlock", { name, holder }).catch(() => {});
      }
    },
  };
}

const invalid = (message: string) => new L402Error("invalid_options", message);
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
