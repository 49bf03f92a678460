/** Keeps texts by key. */
export interface Store {
  /** Reads the text of a key. null or undefined if there is none. */
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  /** Writes the text of a key. Once it resolves, the text is kept. */
  set(key: string, value: string): void | Promise<void>;
  /** Removes a key. A key that is not there is no error. */
  delete(key: string): void | Promise<void>;
  /**
   * Runs `task` while nobody else who shares this store holds `name`. Without it, locks hold only within the instance.
   */
  lock?<T>(name: string, task: () => Promise<T>): Promise<T>;
}
