import { L402Error, loadFailed } from "./error.js";

/** Runs the task once; one that failed is run again by the next call. */
export function once<Result>(task: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => {
    result ??= task().catch((error) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}

/**
 * Makes a loader of a task: it runs once, and rejects with `load_failed`. If a module is missing, bundlers and engines
 * throw errors of their own.
 */
export const loader = <Loaded>(task: () => Promise<Loaded>): (() => Promise<Loaded>) =>
  once(() =>
    task().catch((cause) => {
      if (cause instanceof L402Error) throw cause;
      throw loadFailed(
        `the wasm core could not be loaded: ${cause?.message ?? cause}; deploy all files of the bundle`,
        cause,
      );
    }),
  );

/** Loads it soon, for entries whose core needs no download. What is done now goes first, so the request is sent. */
export const soon = (load: () => Promise<unknown>) => (): void => {
  Promise.resolve()
    .then(load)
    .catch(() => {});
};
