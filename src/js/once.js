// What the loaders share. A loader is `load()`: it resolves with what nothing needs before the first 402 or the first stored
// token, `{ clientOf(config, given), parsers }`; it rejects with `load_failed`.

/** Runs the task once; one that failed is run again by the next call. */
export function once(task) {
  let result;
  return () => (result ??= task().catch((error) => {
    result = undefined;
    throw error;
  }));
}
