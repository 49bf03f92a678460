import { L402Error } from "../core/error.js";
import type { Store } from "../core/store.js";

/** The core's lock for reading, changing and writing the records, and its key that is no money. */
const LEDGER = "l402-fetch/ledger";
const TOKENS = "l402-fetch/tokens";

/** The object's lease, and how often it is renewed, in milliseconds. */
const LEASE = 20_000;
const RENEW = 5_000;
/** The longest time between two questions whether a lock is free, in milliseconds. */
const PATIENCE = 500;

/** What is used of a Durable Object's stub. */
export interface LedgerStub {
  /** Sends a request to the Durable Object. */
  fetch(url: string, init: { method: string; body: string }): Promise<Response>;
}

/** What is used of a Workers KV namespace. */
export interface TokenCache {
  /** Reads the text of a key. */
  get(key: string): Promise<string | null>;
  /** Writes the text of a key. */
  put(key: string, value: string): Promise<void>;
  /** Removes a key. */
  delete(key: string): Promise<void>;
}

/** What the object answers. */
interface LedgerAnswer {
  error?: string;
  value?: string | null;
  /** The lock is held by another. */
  lost?: boolean;
  /** For so many milliseconds at most the lock is another's. */
  wait?: number;
  takenOver?: number;
}

/**
 * A store in one Durable Object of the class `L402Ledger` (`l402-fetch/stores/durable-object/ledger`), shared by all
 * Workers that ask the same object. Its locks are leases: those of a Worker that ended without freeing them are
 * another's after 20 s.
 *
 * @param stub of the object; or a function that gets one, which a store that is kept in a module needs: workerd lets a
 *   request use no other request's stub
 * @param options.cache Workers KV, from which tokens alone are read, and only outside of a purchase. It may be a minute
 *   behind: then a request costs a round trip more, never a payment, since a purchase reads the object.
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
  /** Those who hold a lock through this store, and until when at least. */
  const held = new Map<string, number>();
  /** Who has the ledger: what is written then is refused if the lease was lost. */
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
      // The object has it: a cache that fails, or takes no more writes for now, is only older.
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
        // Where this fails the lease runs out by itself.
        await ask("unlock", { name, holder }).catch(() => {});
      }
    },
  };
}

const invalid = (message: string) => new L402Error("invalid_options", message);
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
