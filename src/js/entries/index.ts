// The entry for browsers and whatever has no entry of its own. Its declarations are those of all entries. They need no
// DOM types: Request, Response, RequestInit and fetch are those of whichever runtime's types are loaded.
import { createFetch as paying, memory, type PaidFetch, parser } from "../core/fetch.js";
import type { Options } from "../core/options.js";
import type { Challenge, Invoice, Macaroon } from "../core/parsers.js";
import type { Store } from "../core/store.js";
import { load } from "../loading/url.js";

export { type ErrorCode, L402Error } from "../core/error.js";
export { type PaidFetch, receiptOf } from "../core/fetch.js";
export type { Filter } from "../core/filter.js";
export type { Limits, OrderLimits, Remaining, Scope, SessionLimits } from "../core/limits.js";
export type { Approve, ApproveContext, Options } from "../core/options.js";
export type { Challenge, Invoice, Macaroon, Network, Offer, Protocol } from "../core/parsers.js";
export type { ClosedSession, Payment, PaymentEvent, Quote, Receipt, Session } from "../core/payment.js";
export type { ListOptions, Store } from "../core/store.js";
export type {
  InvoiceOrder,
  NwcClient,
  PayContext,
  PayFunction,
  PayResult,
  Wallet,
  WebLNProvider,
} from "../core/wallet.js";

/**
 * Makes a `fetch` that pays for 402 responses over Lightning. It is synchronous and has no side effects, so it can
 * stand at a module's top level. The wasm core is loaded when it is first needed.
 *
 * Amounts are satoshis unless a name says msat. A satoshi amount is an integer from 0 to 9007199254740, so that its
 * millisatoshis stay below 2^53. An msat amount is an integer from 0 to 2^53 - 1.
 *
 * @throws {L402Error} `invalid_options` on an unknown key, a missing limit or a value of the wrong type; the message
 *   names the key
 * @function
 * @example
 * const pay = createFetch({ wallet, limits: { perPayment: 100 } });
 * const response = await pay("https://api.example.com/weather");
 */
export const createFetch = (options: Options): PaidFetch => paying(options, load);

/**
 * Reads a `WWW-Authenticate` value: every challenge in header order, Lightning or not. Of a Response or Headers also
 * the entries of x402's `PAYMENT-REQUIRED`, after them.
 *
 * Rejects with `invalid_challenge` if the header holds no offer, and the header or a Lightning challenge in it is
 * malformed. A header with other schemes only resolves without an offer. So does a scheme with a token68
 * (`L402 price-only`).
 *
 * @function
 */
export const parseChallenges: (from: string | Headers | Response) => Promise<Challenge[]> = /* @__PURE__ */ parser(
  load,
  "parseChallenges",
);

/**
 * Decodes a BOLT11 invoice. The bech32 checksum is verified, the signature is not, so the payee is only a claim.
 * Rejects with `invalid_invoice`, also if a field that may come once comes twice, or if there is not exactly one of
 * description and its hash.
 *
 * @function
 */
export const decodeInvoice: (paymentRequest: string) => Promise<Invoice> = /* @__PURE__ */ parser(
  load,
  "decodeInvoice",
);

/**
 * Decodes a token that is one macaroon (V1, V2 or V2-JSON, any base64). Rejects with `invalid_macaroon`.
 *
 * @function
 */
export const decodeMacaroon: (token: string) => Promise<Macaroon> = /* @__PURE__ */ parser(load, "decodeMacaroon");

/**
 * Narrows a token by first-party caveats, so that a holder may hand it to a sub-agent. Rejects with `invalid_macaroon`.
 *
 * @function
 */
export const attenuateMacaroon: (token: string, caveats: string[]) => Promise<string> = /* @__PURE__ */ parser(
  load,
  "attenuateMacaroon",
);

/**
 * The key that signed an invoice, in hex: the node that is paid, recovered from the signature. Rejects with
 * `invalid_invoice`. What it needs is loaded at the first call.
 *
 * @function
 */
export const recoverPayee: (paymentRequest: string) => Promise<string> = /* @__PURE__ */ parser(load, "recoverPayee");

/**
 * A store in this process's memory, gone with it. One that is given to several clients makes them share tokens,
 * payments and limits. It keeps the newest 10,000 settled payments and the newest 10,000 tokens; sums and limits still
 * count all.
 *
 * @function
 */
export const memoryStore: () => Store = /* @__PURE__ */ memory(load);
