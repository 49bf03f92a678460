/**
 * Rows of text under keys, written by compare-and-swap. Keys are ASCII, at most 200 bytes, ordered by byte. Values are
 * any text.
 *
 * There are no locks: a caller that was frozen loses the comparison when it thaws. If a store fails, it rejects, and
 * the caller asks again. Neither `false` nor a rejection of `write` proves that nothing was written: a connection may
 * have been cut after the commit, and clients of databases may send a statement twice.
 */
export interface Store {
  /** The values of these keys at one moment, in the order of the keys. null: there is no row. */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * Writes all of `changes` in one step if every key of `seen` still has the value given there, else nothing.
   *
   * @param changes the new values; null deletes
   * @param seen the rows that the decision is based on; null: there was no such row
   * @returns true once the rows will survive a crash; false if a row of `seen` had changed
   */
  write(
    changes: Readonly<Record<string, string | null>>,
    seen: Readonly<Record<string, string | null>>,
  ): Promise<boolean>;
  /** The rows whose keys begin with `prefix`, in byte order of their keys. */
  list(prefix: string, options: ListOptions): Promise<[key: string, value: string][]>;
}

/** Which rows of a prefix `list` returns. */
export interface ListOptions {
  /** Only rows above this key are returned, or below it with `reverse`. There need not be such a row. */
  after?: string | undefined;
  /** The most rows to return. */
  limit: number;
  /** Descending. Default: ascending. */
  reverse?: boolean | undefined;
}

/**
 * A user's store: what it gives is not checked yet.
 *
 * @internal
 */
export interface BoundStore {
  read(keys: readonly string[]): unknown;
  write(changes: Record<string, string | null>, seen: Record<string, string | null>): unknown;
  list(prefix: string, options: ListOptions): unknown;
}
