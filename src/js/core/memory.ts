import { rangeOf } from "./range.js";
import type { Store } from "./store.js";

/** How many settled payments are kept, and how many rows of tokens. Older ones go. The sums stay. */
const MOST = 10_000;
/** After each write at most so many settled payments are looked at, so that none takes longer than the others. */
const MOST_LOOKS = 2;

const PAYMENT = "payment/";
const TOKEN = "token/";
/** Rows of the indexes. Their keys end with the payment's hash. */
const INDEX = /^(?:time|of|in)\//;
const hashOf = (key: string) => key.slice(-64);

/** A number in the text of a row. Quotes within the texts of a row are escaped, so what is found is a member. */
const numberIn = (row: string, member: string) => Number(new RegExp(`"${member}":(\\d+)`).exec(row)?.[1] ?? 0);

/**
 * A store in this process's memory, gone with it. It keeps the newest 10,000 settled payments and 10,000 rows of
 * tokens. A settled payment stays until its invoice has expired.
 */
export function memoryStore(): Store {
  const rows = new Map<string, string>();
  /** In order. To add or remove one moves those behind it, which takes microseconds. */
  const keys: string[] = [];
  /** Rows of tokens, in the order in which they were last written. */
  const tokens = new Set<string>();
  /** When the invoices of settled payments expire, in Unix milliseconds, in the order in which they were settled. */
  const settled = new Map<string, number>();
  /** Keys of the indexes by payment. */
  const indexed = new Map<string, string[]>();
  /** When the newest payment began: the only clock here. */
  let newest = 0;

  const current = (key: string) => rows.get(key) ?? null;

  /** Where a key is, or would be put. */
  function positionOf(key: string) {
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function put(key: string, value: string | null) {
    const isThere = rows.has(key);
    if (value === null) {
      if (isThere) keys.splice(positionOf(key), 1);
      rows.delete(key);
      tokens.delete(key);
      if (key.startsWith(PAYMENT)) forget(hashOf(key));
      return;
    }
    if (!isThere) keys.splice(positionOf(key), 0, key);
    rows.set(key, value);
    if (key.startsWith(PAYMENT)) note(hashOf(key), value);
    if (key.startsWith(TOKEN)) {
      tokens.delete(key);
      tokens.add(key);
    }
    if (!isThere && INDEX.test(key)) indexed.set(hashOf(key), [...(indexed.get(hashOf(key)) ?? []), key]);
  }

  function note(hash: string, value: string) {
    newest = Math.max(newest, numberIn(value, "startedAt"));
    if (/"state":"(?:paid|failed)"/.test(value)) settled.set(hash, numberIn(value, "invoiceExpiresAt") * 1000);
    else settled.delete(hash);
  }

  function forget(hash: string) {
    settled.delete(hash);
    indexed.delete(hash);
  }

  function makeRoom() {
    const [oldest] = tokens;
    if (oldest !== undefined && tokens.size > MOST) put(oldest, null);
    for (let looks = 0; settled.size > MOST && looks < MOST_LOOKS; looks++) {
      const [hash, expiresAt] = settled.entries().next().value as [string, number];
      settled.delete(hash);
      if (expiresAt < newest) {
        for (const key of [PAYMENT + hash, ...(indexed.get(hash) ?? [])]) put(key, null);
      } else settled.set(hash, expiresAt);
    }
  }

  return {
    async read(wanted) {
      return wanted.map(current);
    },
    async write(changes, seen) {
      // Nothing here waits, so nobody comes between.
      if (Object.entries(seen).some(([key, value]) => current(key) !== value)) return false;
      for (const [key, value] of Object.entries(changes)) put(key, value);
      makeRoom();
      return true;
    },
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      if (!range) return [];
      const { limit, reverse } = options;
      let [from, to] = [positionOf(range.from), positionOf(range.to)];
      if (range.open && keys[from] === range.from) from++;
      if (reverse) from = Math.max(from, to - limit);
      else to = Math.min(to, from + limit);
      const found = keys.slice(from, to).map((key): [string, string] => [key, rows.get(key) as string]);
      return reverse ? found.reverse() : found;
    },
  };
}
