import type { Wallet } from "../index.js";

export interface LndOptions {
  /** Of the REST API: `https://127.0.0.1:8080`. https, or http on this machine, to Tor, or with `insecure`. A path before the API's own is kept. */
  url: string;
  /** In hex. Needs `offchain:write` and `offchain:read`, or just the three calls that docs/wallets/lnd.md names. It is sent to that origin only, and shown nowhere. */
  macaroon: string;
  /** What sends the requests. Default: the global one of the moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Whoever is on the way can then take the credential, and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with an LND node, over its REST API. It passes the fee cap on, and an interrupted payment is looked up in
 * the node's own books. From a page, the node must be started with `--restcors`.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function lnd(options: LndOptions): Wallet;
