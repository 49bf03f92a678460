import { rangeOf } from "./range.js";
import type { Rows } from "./rows.js";
import { SortedKeys } from "./sorted-keys.js";

/**
 * A store in this process's memory, gone with it. One object that is given to several clients makes them share
 * tokens, payments and limits.
 */
export function memoryStore(): Rows {
  const rows = new Map<string, string>();
  const keys = new SortedKeys();
  const current = (key: string) => rows.get(key) ?? null;
  return {
    async read(wanted) {
      return wanted.map(current);
    },
    async write(changes, seen) {
      // Nothing here waits, so nobody comes between.
      if (Object.entries(seen).some(([key, value]) => current(key) !== value)) return false;
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) {
          if (rows.delete(key)) keys.remove(key);
        } else {
          if (!rows.has(key)) keys.add(key);
          rows.set(key, value);
        }
      }
      return true;
    },
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      if (!range) return [];
      return keys.list(range, options.limit, options.reverse).map((key) => [key, rows.get(key) as string]);
    },
  };
}
