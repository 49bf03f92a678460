import type { Answer, Question } from "../durable-object.js";
import { rangeOf } from "../../core/range.js";
import { fromText, toText } from "../text.js";

/** What it uses of `DurableObjectState`. */
export interface LedgerState {
  /** The object's storage, with SQLite. */
  storage: {
    sql: {
      // biome-ignore lint/suspicious/noExplicitAny: rows are of whatever was asked for
      exec(query: string, ...values: any[]): { toArray(): any[] };
    };
    transactionSync<T>(task: () => T): T;
  };
}

/**
 * The Durable Object to export from a Worker: the rows of a fleet of Workers. It is asked through `fetch` and in
 * JSON, so that it works with any compatibility date. It needs storage with SQLite (`new_sqlite_classes` in
 * wrangler's migrations).
 *
 * No answer leaves the object before its writes are on the disk: the runtime sees to that.
 */
export class L402Ledger {
  #storage: LedgerState["storage"];
  #isReady = false;

  constructor(state: LedgerState, _env?: unknown) {
    this.#storage = state.storage;
  }

  /** Answers one question of `durableObjectStore`. */
  async fetch(request: Request): Promise<Response> {
    try {
      return Response.json(this.#answer((await request.json()) as Question));
    } catch (error) {
      return Response.json({ error: String((error as Error)?.message ?? error) }, { status: 500 });
    }
  }

  #answer(question: Question): Answer {
    this.#prepare();
    switch (question.op) {
      case "read":
        return { values: question.keys.map((key) => this.#get(key)) };
      case "write":
        return { written: this.#storage.transactionSync(() => this.#write(question)) };
      case "list":
        return { rows: this.#list(question) };
      default:
        throw new Error(
          "the ledger was asked for what it does not know: deploy the same version of l402-fetch everywhere",
        );
    }
  }

  #prepare() {
    if (this.#isReady) return;
    try {
      this.#storage.sql.exec(
        "CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
      );
    } catch (cause) {
      throw new Error("the ledger has no SQLite: name its class in new_sqlite_classes", { cause });
    }
    this.#isReady = true;
  }

  #get(key: string): string | null {
    const [row] = this.#storage.sql.exec("SELECT value FROM rows WHERE key = ?", key).toArray();
    return row ? fromText(row.value) : null;
  }

  #write({ changes, seen }: Question & { op: "write" }): boolean {
    const { sql } = this.#storage;
    if (Object.entries(seen).some(([key, value]) => this.#get(key) !== value)) return false;
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) sql.exec("DELETE FROM rows WHERE key = ?", key);
      else sql.exec("INSERT OR REPLACE INTO rows (key, value) VALUES (?, ?)", key, toText(value));
    }
    return true;
  }

  #list({ prefix, options }: Question & { op: "list" }): [string, string][] {
    const range = rangeOf(prefix, options);
    if (!range) return [];
    const [compare, order] = [range.open ? ">" : ">=", options.reverse ? "DESC" : "ASC"];
    return this.#storage.sql
      .exec(
        `SELECT key, value FROM rows WHERE key ${compare} ? AND key < ? ORDER BY key ${order} LIMIT ?`,
        range.from,
        range.to,
        options.limit,
      )
      .toArray()
      .map(({ key, value }) => [key, fromText(value)]);
  }
}
