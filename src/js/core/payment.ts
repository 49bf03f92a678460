import type { ErrorCode } from "./error.js";
import type { Challenge, Invoice, Macaroon, Protocol } from "./parsers.js";

/** What a resource asks to be paid. */
export interface Quote {
  /** Without user, password and fragment. */
  url: string;
  origin: string;
  protocol: Protocol;
  amountMsat: number;
  /** Rounded up. */
  amountSat: number;
  invoice: Invoice;
  /** null where the token is no macaroon that can be read. */
  macaroon: Macaroon | null;
}

/** One row of the journal. */
export interface Payment {
  /** Hex. */
  paymentHash: string;
  origin: string;
  /** Without user, password and fragment. */
  url: string;
  protocol: Protocol;
  amountMsat: number;
  /** Rounded up. */
  amountSat: number;
  /** As the wallet reports it; 0 where it reports none. */
  feeMsat: number;
  /** pending: handed to the wallet. unknown: the wallet's answer was lost, the amount stays reserved. */
  state: "pending" | "unknown" | "paid" | "failed";
  /** Unix seconds. */
  startedAt: number;
  /** Unix seconds; null while it is not settled. */
  settledAt: number | null;
}

/** Which payment a response used. */
export interface Receipt {
  payment: Payment;
  /** false: an earlier payment's token was reused */
  paidNow: boolean;
}

/**
 * What `onEvent` is told: challenge, quote, paying, then paid or failed, once per purchase. URLs come without user,
 * password and fragment.
 */
export type PaymentEvent =
  | { type: "challenge"; url: string; challenges: Challenge[] }
  | { type: "quote"; quote: Quote }
  | { type: "paying"; payment: Payment }
  | { type: "paid"; payment: Payment }
  | { type: "reused"; payment: Payment; url: string }
  | { type: "refused"; url: string; code: ErrorCode; message: string }
  | { type: "failed"; payment: Payment; code: ErrorCode; message: string }
  | {
      type: "unpayable";
      url: string;
      reason: "no_challenge" | "challenge_hidden" | "no_lightning" | "authorization_set" | "request_mode";
    };
