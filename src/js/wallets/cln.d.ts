import type { Wallet } from "../index.js";

export interface ClnOptions {
  /** Of clnrest: `https://127.0.0.1:3010`. https, or http on this machine, to Tor, or with `insecure`. A path before the API's own is kept. */
  url: string;
  /** Must allow `pay`, `listpays`, and `listpeerchannels` for the balance. It is sent to that origin only, and shown nowhere. */
  rune: string;
  /** What sends the requests. Default: the global one of the moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Whoever is on the way can then take the credential, and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with a Core Lightning node, over clnrest. It passes the fee cap on, and an interrupted payment is looked up
 * in the node's own books; while a `pay` whose answer was lost may still be trying, that is for 70 s, it counts as pending.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function cln(options: ClnOptions): Wallet;
