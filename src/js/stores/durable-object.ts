import { L402Error } from "../core/error.js";
import type { ListOptions, Store } from "../core/store.js";

/** What is used of a Durable Object's stub. */
export interface LedgerStub {
  /** Sends a request to the Durable Object. */
  fetch(url: string, init: { method: string; body: string }): Promise<Response>;
}

/** What is used of a Workers KV namespace. */
export interface TokenCache {
  /** Reads the text of a key. */
  get(key: string): Promise<string | null>;
  /** Writes the text of a key, which is gone after so many seconds. */
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>;
  /** Removes a key. */
  delete(key: string): Promise<void>;
}

/** The keys of tokens begin so. */
const TOKEN = "token/";
/**
 * For how many seconds the cache keeps a token. Writes of several Workers may reach it in another order than the
 * object, so that it would hold an old row for ever.
 */
const KEPT = 86_400;

/**
 * What the object is asked.
 *
 * @internal
 */
export type Question =
  | { op: "read"; keys: readonly string[] }
  | { op: "write"; changes: Record<string, string | null>; seen: Record<string, string | null> }
  | { op: "list"; prefix: string; options: ListOptions };
/**
 * What the object answers.
 *
 * @internal
 */
export interface Answer {
  error?: string;
  values?: (string | null)[];
  written?: boolean;
  rows?: [key: string, value: string][];
}

/**
 * A store in one Durable Object of the class `L402Ledger` (`l402-fetch/stores/durable-object/ledger`), shared by all
 * Workers that ask the same object. Every write, reading and listing is one request, and is on the object's disk when
 * it resolves.
 *
 * @param stub of the object; or a function that gets one, which a store that is kept in a module needs: workerd lets a
 *   request use no other request's stub
 * @param options.cache Workers KV, which answers reads of tokens alone. It may be behind, by a minute or at most by a
 *   day: then a call costs a round trip more, never a payment, since what a write rests on is compared in the object
 * @throws {L402Error} `invalid_options`
 */
export function durableObjectStore(
  stub: LedgerStub | (() => LedgerStub),
  options: { cache?: TokenCache | undefined } = {},
): Store {
  const isStub = typeof (stub as LedgerStub | undefined)?.fetch === "function";
  if (!isStub && typeof stub !== "function")
    throw invalid("stub must be a Durable Object's stub, or a function that gets one");
  if (options === null || typeof options !== "object") throw invalid("options must be an object");
  for (const key of Object.keys(options)) if (key !== "cache") throw invalid(`unknown option "${key}"`);
  const { cache } = options;
  for (const method of ["get", "put", "delete"] as const) {
    if (cache !== undefined && typeof cache?.[method] !== "function")
      throw invalid("cache must be a Workers KV namespace");
  }

  async function ask<Name extends keyof Answer>(name: Name, question: Question): Promise<NonNullable<Answer[Name]>> {
    const response = await (isStub ? (stub as LedgerStub) : (stub as () => LedgerStub)()).fetch("https://l402-fetch/", {
      method: "POST",
      body: JSON.stringify(question),
    });
    const answer: Answer | undefined = await response.json().catch(() => undefined);
    const found = answer?.[name];
    if (response.ok && found !== undefined && found !== null) return found as NonNullable<Answer[Name]>;
    throw new Error(answer?.error ?? `the Durable Object answered ${response.status}: is it of the class L402Ledger?`);
  }

  /** Tokens that were not as a write had seen them. They are read from the object. */
  const doubted = new Set<string>();

  /** The object has it: a cache that fails, or takes no more writes for now, is only older. */
  async function note(rows: [string, string | null][]) {
    await Promise.allSettled(
      rows.map(async ([key, value]) =>
        value === null ? cache?.delete(named(key)) : cache?.put(named(key), value, { expirationTtl: KEPT }),
      ),
    );
  }

  async function readTokens(keys: string[]) {
    const known = await Promise.all(keys.map(async (key) => cache?.get(named(key)))).catch(() => []);
    const isKnown = (key: string, index: number) => typeof known[index] === "string" && !doubted.has(key);
    // What the cache lacks may be there all the same.
    if (keys.every(isKnown)) return known as string[];
    const values = await ask("values", { op: "read", keys });
    for (const key of keys) doubted.delete(key);
    const rows = keys.map((key, index): [string, string | null] => [key, values[index] ?? null]);
    await note(rows.filter(([, value], index) => value !== (known[index] ?? null)));
    return values;
  }

  return {
    async read(keys) {
      const wanted = [...keys];
      const areTokens = wanted.length > 0 && wanted.every(isToken);
      return cache && areTokens ? readTokens(wanted) : ask("values", { op: "read", keys: wanted });
    },
    async write(changes, seen) {
      const tokens = Object.entries(changes).filter(([key]) => isToken(key));
      const rested = Object.keys(seen).filter(isToken);
      const written = await ask("written", { op: "write", changes, seen });
      if (written) await note(tokens);
      else for (const key of rested) doubted.add(key);
      return written;
    },
    async list(prefix, options) {
      return ask("rows", { op: "list", prefix, options });
    },
  };
}

const isToken = (key: string) => key.startsWith(TOKEN);

/** A namespace may hold other things as well. */
const named = (key: string) => `l402-fetch/${key}`;

const invalid = (message: string) => new L402Error("invalid_options", message);
