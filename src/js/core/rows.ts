// The store, as the core asks for it.
import { memoryStore } from "./memory.js";
import type { BoundStore, ListOptions } from "./store.js";

// For how many milliseconds an answer is waited for.
const TIMEOUT = 10_000;

type Row = [key: string, value: string | null];

/** The user's store, which may give anything and may never answer. Data crosses the border to the core as JSON text. */
export function rowsOf(given: BoundStore | undefined) {
  const store = given ?? (memoryStore() as BoundStore);
  return {
    async read(asked: string) {
      const keys: string[] = JSON.parse(asked);
      const values = await inTime("read", async () => store.read(keys));
      if (!Array.isArray(values) || values.length !== keys.length || !values.every(isValue))
        throw new TypeError("store.read must give a list with a string or null for each key");
      return toText(values);
    },
    async write(changes: string, seen: string) {
      const written = await inTime("write", async () => store.write(objectOf(changes), objectOf(seen)));
      if (typeof written !== "boolean") throw new TypeError("store.write must give true or false");
      return written;
    },
    async list(asked: string) {
      const { prefix, ...options } = JSON.parse(asked) as ListOptions & { prefix: string };
      const rows = await inTime("list", async () => store.list(prefix, options));
      const isRow = (row: unknown) =>
        Array.isArray(row) && row.length === 2 && row.every((part) => typeof part === "string");
      if (!Array.isArray(rows) || !rows.every(isRow))
        throw new TypeError("store.list must give a list of pairs of key and value");
      return toText(rows);
    },
  };
}

const objectOf = (rows: string) => Object.fromEntries(JSON.parse(rows) as Row[]);

const isValue = (value: unknown) => value === null || typeof value === "string";

async function inTime<Value>(method: string, task: () => Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const fail = () =>
      reject(new DOMException(`store.${method} did not answer within ${TIMEOUT / 1000} s`, "TimeoutError"));
    timer = setTimeout(fail, TIMEOUT);
  });
  try {
    return await Promise.race([task(), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Data for the core, which takes no half of a surrogate pair. Whoever wrote a text may have cut one in two. */
export const toText = (data: unknown) =>
  JSON.stringify(data).replace(/\\(\\|ud[89a-f]..)/g, (found) => (found === "\\\\" ? found : "\\ufffd"));
