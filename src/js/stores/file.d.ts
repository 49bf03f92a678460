import type { Store } from "../index.js";

/**
 * A store in one JSON file, for Node, Deno and Bun, shared by all processes that are given the same path. It is replaced
 * as a whole (mode 0600), so that it is never half written; beside it a folder `<path>.locks` holds a small file for each lock.
 *
 * The file is made when first written; its folder must be there: a missing one may be a disk that is not mounted, and an
 * empty store would have forgotten what was paid. A file that is damaged, or written by a later version, is never overwritten.
 *
 * A killed process's locks are free at once where the process can be seen to be gone, and else after 20 s without a sign of
 * life. Deno needs `--allow-read` and `--allow-write` for the folder.
 *
 * @throws {L402Error} `invalid_options`
 */
export function fileStore(path: string): Store;
