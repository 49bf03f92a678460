import type { Network, Protocol } from "../core/parsers.js";

/** One invoice, and what it buys. Shop and wallet share it. */
export interface Sale {
  /** In hex. */
  paymentHash: string;
  /** In hex. */
  preimage: string;
  invoice: string;
  network: Network;
  amountSat: number;
  /** The URL that it was made for, without fragment. */
  url: string;
  /** What its token opens. */
  good: string;
  /** When the invoice expires, in Unix seconds. */
  expiresAt: number;
  /** "pending": the wallet was asked, and has not answered. */
  state: "open" | "pending" | "paid" | "failed";
  /** By which protocol its token was shown. */
  protocol: Protocol | null;
  /** How often its token was shown. */
  shown: number;
  /** How often it opened something. */
  opened: number;
  /** The entry of x402 as it was offered, as JSON. */
  entry?: string;
}

/** What a credential says: which payment it is of, and the proof. */
export interface Credential {
  protocol: Protocol;
  /** In hex. */
  paymentHash: string;
  /** 64 hex digits, or anything that is not the preimage. */
  preimage: unknown;
  /** Why it opens nothing, whatever was paid. */
  refusal?: Refusal | undefined;
}

/** Why a credential opens nothing. */
export type Refusal = "unknown" | "not_paid" | "used" | "expired" | "elsewhere";
