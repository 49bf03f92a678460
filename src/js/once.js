// What the loaders share. A loader is `load()`: it resolves with what nothing needs before the first 402 or the first stored
// token, `{ clientOf(config, given), parsers }`; it rejects with `load_failed`.
import { L402Error, loadFailed } from "./error.js";

/** Runs the task once; one that failed is run again by the next call. */
export function once(task) {
  let result;
  return () =>
    (result ??= task().catch((error) => {
      result = undefined;
      throw error;
    }));
}

/** A loader of whatever loads: what bundlers and engines throw where a module is missing has no code of ours. */
export const loader = (task) =>
  once(() =>
    task().catch((cause) => {
      if (cause instanceof L402Error) throw cause;
      throw loadFailed(
        `the wasm core could not be loaded: ${cause?.message ?? cause}; deploy all files of the bundle`,
        cause,
      );
    }),
  );
