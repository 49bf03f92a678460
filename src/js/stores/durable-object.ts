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
  /** Writes the text of a key. */
  put(key: string, value: string): Promise<void>;
  /** Removes a key. */
  delete(key: string): Promise<void>;
}

/** The keys of tokens begin so. */
const TOKEN = "token/";

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
 * @param options.cache Workers KV, which answers reads of tokens alone. It may be a minute behind: then a call costs a
 *   round trip more, never a payment, since a purchase reads other rows too, and so the object
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

  /** The object has it: a cache that fails, or takes no more writes for now, is only older. */
  async function note(changes: [string, string | null][]) {
    if (!cache) return;
    const tokens = changes.filter(([key]) => key.startsWith(TOKEN));
    await Promise.allSettled(
      tokens.map(async ([key, value]) => (value === null ? cache.delete(named(key)) : cache.put(named(key), value))),
    );
  }

  return {
    async read(keys) {
      const wanted = [...keys];
      if (cache && wanted.length > 0 && wanted.every((key) => key.startsWith(TOKEN))) {
        const found = await Promise.all(wanted.map(async (key) => cache.get(named(key)))).catch(() => []);
        // What the cache lacks may be there all the same.
        if (found.length > 0 && found.every((value) => typeof value === "string")) return found;
      }
      return ask("values", { op: "read", keys: wanted });
    },
    async write(changes, seen) {
      const noted = Object.entries(changes);
      const written = await ask("written", { op: "write", changes, seen });
      if (written) await note(noted);
      return written;
    },
    async list(prefix, options) {
      return ask("rows", { op: "list", prefix, options });
    },
  };
}

/** A namespace may hold other things as well. */
const named = (key: string) => `l402-fetch/${key}`;

const invalid = (message: string) => new L402Error("invalid_options", message);
