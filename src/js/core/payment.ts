import type { ErrorCode } from "./error.js";
import type { Challenge, Invoice, Macaroon, Protocol } from "./parsers.js";

/** The price of a resource. */
export interface Quote {
  /** The URL of the resource, without user, password and fragment. */
  url: string;
  /** Scheme, host and port. */
  origin: string;
  /** How the server offers to be paid. */
  protocol: Protocol;
  /** The price in millisatoshis, without the routing fee. */
  amountMsat: number;
  /** The price in satoshis, rounded up. */
  amountSat: number;
  /** The invoice that would be paid. */
  invoice: Invoice;
  /** The macaroon on offer. null if the token is no macaroon that can be read. */
  macaroon: Macaroon | null;
  /** Whether it is a deposit for an MPP session: what is left of it comes back. */
  deposit?: true;
}

/** One payment, as the store keeps it. */
export interface Payment {
  /** The payment hash in hex. */
  paymentHash: string;
  /** The origin that was paid: scheme, host and port. */
  origin: string;
  /** The URL that was paid for, without user, password and fragment. */
  url: string;
  /** How the server offered to be paid. */
  protocol: Protocol;
  /** The amount in millisatoshis, without the routing fee. */
  amountMsat: number;
  /** The amount in satoshis, rounded up. */
  amountSat: number;
  /** The routing fee that the wallet reported; 0 if it reported none. */
  feeMsat: number;
  /** pending: the wallet was asked. unknown: the wallet's answer was lost, and the amount stays reserved. */
  state: "pending" | "unknown" | "paid" | "failed";
  /** When the payment was written down, in Unix seconds. */
  startedAt: number;
  /** When the payment was settled, in Unix seconds. null until then. */
  settledAt: number | null;
  /** The names of the scopes that it was made in, outermost first. */
  scopes: string[];
  /** The invoice as received. */
  invoice: string;
  /** The description in the invoice: a stranger's text. null if there is none. */
  description: string | null;
  /** The MPP session that it was a deposit for: the payment hash of the session's first deposit. */
  sessionId?: string;
  /** What came back of the deposit, in millisatoshis, by the wallet's own records. */
  refundedMsat?: number;
}

/** An open MPP session: deposits that many requests draw on. How much is left only the server knows. */
export interface Session {
  /** Scheme, host and port. */
  origin: string;
  /** The payment hash of its first deposit, in hex. */
  sessionId: string;
  /** All its deposits, in millisatoshis. */
  depositMsat: number;
  /** The price of a unit when it was opened, in millisatoshis. */
  unitMsat: number;
  /** What a unit is, by the server's word. */
  unitType: string | null;
  /** When it was paid for, in Unix seconds. */
  openedAt: number;
  /** The server may close it after so many seconds without a request. null: it does not say. */
  idleTimeout: number | null;
}

/** An MPP session that was closed. */
export interface ClosedSession {
  /** The session as it was. */
  session: Session;
  /** What the server says that it refunds, in satoshis. */
  refundSats: number;
  /** What became of the refund by the server's word. A server that pays it after its answer says "failed". */
  refundStatus: "succeeded" | "failed" | "skipped";
  /** What came back, in millisatoshis, by the wallet's own records. null: it can't tell. */
  receivedMsat: number | null;
}

/** The payment that bought the credential of a response. */
export interface Receipt {
  /** The payment that bought the credential. */
  payment: Payment;
  /** false if an earlier payment's token was reused. */
  paidNow: boolean;
  /**
   * What the server itself attests (`Payment-Receipt`, `PAYMENT-RESPONSE`), if it is of this payment. The rest of it is
   * the server's word alone.
   */
  attested?: Record<string, unknown>;
}

/**
 * The argument of `onEvent`. A purchase raises challenge, quote, paying, then paid or failed, each once. URLs come
 * without user, password and fragment.
 */
export type PaymentEvent =
  | { type: "challenge"; url: string; challenges: Challenge[] }
  | { type: "passed_over"; url: string; protocol: Protocol; code: ErrorCode; message: string }
  | { type: "quote"; quote: Quote }
  | { type: "paying"; payment: Payment }
  | { type: "paid"; payment: Payment }
  | { type: "reused"; payment: Payment; url: string }
  | { type: "refused"; url: string; code: ErrorCode; message: string }
  | { type: "failed"; payment: Payment; code: ErrorCode; message: string }
  /** A server refused a credential and said why: `reason` is its own name for that. */
  | { type: "rejected"; url: string; payment: Payment; reason: string; message: string }
  | {
      type: "unpayable";
      url: string;
      reason: "no_challenge" | "challenge_hidden" | "no_lightning" | "authorization_set" | "request_mode";
      /** Where `no_challenge` may be the server's mistake: its body holds a token and an invoice. */
      hint?: string;
    };
