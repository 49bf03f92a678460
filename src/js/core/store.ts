/** Keeps texts by key. */
export interface Store {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, value: string): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /**
   * Runs `task` while nobody else who shares this store holds `name`. Default: within this instance.
   */
  lock?<T>(name: string, task: () => Promise<T>): Promise<T>;
}
