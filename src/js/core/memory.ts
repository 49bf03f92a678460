import { rangeOf } from "./range.js";
import { SortedKeys } from "./sorted-keys.js";
import type { Store } from "./store.js";
import { Surplus } from "./surplus.js";

/**
 * A store in this process's memory, gone with it. One object that is given to several clients makes them share
 * tokens, payments and limits.
 *
 * It never becomes full. It keeps all sums, all unsettled payments, the newest 10,000 settled ones and some 10,000
 * tokens. Older payments go once their invoices have expired. Of the tokens, those that are used up or expired go
 * first.
 */
export function memoryStore(): Store {
  const rows = new Map<string, string>();
  const keys = new SortedKeys();
  const surplus = new Surplus();
  const current = (key: string) => rows.get(key) ?? null;

  function put(key: string, value: string | null) {
    surplus.note(key, value);
    if (value === null) {
      if (rows.delete(key)) keys.remove(key);
    } else {
      if (!rows.has(key)) keys.add(key);
      rows.set(key, value);
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
      for (const key of surplus.take()) put(key, null);
      return true;
    },
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      if (!range) return [];
      return keys.list(range, options.limit, options.reverse).map((key) => [key, rows.get(key) as string]);
    },
  };
}
