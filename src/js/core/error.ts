import type { Payment, Quote } from "./payment.js";

/**
 * What went wrong. Stable, meant for programs.
 *
 * - The caller's input: `invalid_options`, `invalid_challenge`, `invalid_invoice`, `invalid_macaroon`.
 * - `load_failed`: the wasm core could not be loaded. The message says from where, and what to do.
 * - Refused before any money moved: `insecure_transport`, `host_not_allowed`, `cross_origin`, `wrong_network`,
 *   `no_amount`, `invoice_expired`, `hash_mismatch`, `over_limit`, `declined`, `body_not_replayable`, `store_failed`,
 *   `not_honored`. `not_honored`: what was last paid for here was never accepted. It is tried first at each call, and
 *   not paid again before `forget()`.
 * - The wallet was asked: `payment_failed`, `payment_unknown`, `no_preimage`, `wrong_preimage`.
 * - Paid, and the token is kept: `request_failed`. The next call reuses the token.
 */
export type ErrorCode =
  | "invalid_options"
  | "invalid_challenge"
  | "invalid_invoice"
  | "invalid_macaroon"
  | "load_failed"
  | "insecure_transport"
  | "host_not_allowed"
  | "cross_origin"
  | "wrong_network"
  | "no_amount"
  | "invoice_expired"
  | "hash_mismatch"
  | "over_limit"
  | "declined"
  | "body_not_replayable"
  | "store_failed"
  | "not_honored"
  | "payment_failed"
  | "payment_unknown"
  | "no_preimage"
  | "wrong_preimage"
  | "request_failed";

/** A real Error with a stable code. `cause` is the error object of the wallet, the store or the network, unchanged. */
export class L402Error extends Error {
  /** The stable code, for programs. The message is for people and may change. */
  declare readonly code: ErrorCode;
  /** The 402 response, body unread, if there was one. */
  declare readonly response?: Response;
  /** The payment that the error is about, if money may have moved. */
  declare readonly payment?: Payment;
  /** The price with its invoice, if they are known. */
  declare readonly quote?: Quote;
  /**
   * Whether money has moved in this call. "maybe": nobody can tell, and the amount stays reserved. The code decides it.
   */
  declare readonly moneyMoved: "no" | "maybe" | "yes";

  /**
   * Optional properties exist only where they were given, so that `"payment" in error` can be relied on.
   *
   * @param message lower-case, says what is wrong and what to do, holds no secret
   * @param details `cause` is kept by identity, also where it is undefined: wallets throw anything
   */
  constructor(
    code: ErrorCode,
    message: string,
    details: {
      cause?: unknown;
      response?: Response | undefined;
      payment?: Payment | undefined;
      quote?: Quote | undefined;
    } = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    const moneyMoved = code === "request_failed" ? "yes" : /unknown|preimage/.test(code) ? "maybe" : "no";
    const { response, payment, quote } = details;
    for (const [key, value] of Object.entries({ code, moneyMoved, response, payment, quote })) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  /**
   * Not the class's own name: minifiers rename classes.
   *
   * @internal
   */
  override get name(): string {
    return "L402Error";
  }
}

/** @internal */
export function loadFailed(text: string, cause: unknown): L402Error {
  return new L402Error("load_failed", text, { cause });
}
