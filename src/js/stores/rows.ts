/**
 * Rows of text under keys, written by compare-and-swap. Keys are ASCII, at most 200 bytes, ordered by byte; values
 * are any text.
 *
 * There are no locks: who was frozen and thaws loses the comparison. A store that can't do what it is asked rejects,
 * and the caller asks again. Neither `false` nor a rejection of `write` proves that nothing was written: a connection
 * may have been cut after the commit, and clients of databases may send a statement twice.
 */
export interface Rows {
  /** The values of these keys, in their order, read as one; null where there is none. */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * Writes all of `changes` in one step if every key of `seen` still has the value given there, else nothing.
   *
   * @param changes the new values; null deletes
   * @param seen what the decision was made on; null: there was no such row
   * @returns true once it will survive a crash; false where a key of `seen` had changed
   */
  write(
    changes: Readonly<Record<string, string | null>>,
    seen: Readonly<Record<string, string | null>>,
  ): Promise<boolean>;
  /** The rows whose key begins with `prefix`, by key in byte order. */
  list(prefix: string, options: ListOptions): Promise<[key: string, value: string][]>;
}

export interface ListOptions {
  /** A key, which need not be there: only rows above it, or below it with `reverse`. */
  after?: string | undefined;
  /** The most rows to return. */
  limit: number;
  /** Descending. Default: ascending. */
  reverse?: boolean | undefined;
}
