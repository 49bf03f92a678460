import type { Wallet } from "../index.js";

export interface LnbitsOptions {
  /** Of LNbits: `https://lnbits.example.com`. https, or http on this machine. A path before the API's own is kept. */
  url: string;
  /** The wallet's admin key. It is sent to that origin only, and shown nowhere. */
  adminKey: string;
  /** What sends the requests. Default: the global one of the moment. */
  fetch?: typeof globalThis.fetch;
}

/**
 * A wallet that pays with an LNbits wallet. LNbits takes no fee cap; an interrupted payment is looked up in its books. LNbits
 * shows the preimage of a payment to whoever asks for its hash: use one that only you can reach.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function lnbits(options: LnbitsOptions): Wallet;
