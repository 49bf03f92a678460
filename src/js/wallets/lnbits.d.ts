import type { Wallet } from "../index.js";

export interface LnbitsOptions {
  /** Of LNbits: `https://lnbits.example.com`. https, or http on this machine, to Tor, or with `insecure`. A path before the API's own is kept. */
  url: string;
  /** The wallet's admin key. It is sent to that origin only, and shown nowhere. */
  adminKey: string;
  /** What sends the requests. Default: the global one of the moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Whoever is on the way can then take the credential, and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with an LNbits wallet. LNbits takes no fee cap; an interrupted payment is looked up in its books. LNbits
 * shows the preimage of a payment to whoever asks for its hash: use one that only you can reach.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function lnbits(options: LnbitsOptions): Wallet;
