import type { Wallet } from "../index.js";

export interface PhoenixdOptions {
  /** `http://127.0.0.1:9740`. https, or http on this machine, to Tor, or with `insecure`. A path before the API's own is kept. */
  url: string;
  /** `http-password` of phoenix.conf, not the one for limited access. It is sent to that origin only, and shown nowhere. */
  password: string;
  /** What sends the requests. Default: the global one of the moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Whoever is on the way can then take the credential, and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with phoenixd. phoenixd takes no fee cap (it charges what its provider asks, 4 sat and 0.4% in version
 * 0.9); an interrupted payment is looked up in its own books.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function phoenixd(options: PhoenixdOptions): Wallet;
