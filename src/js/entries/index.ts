// The entry for browsers and whatever has no entry of its own. Its declarations are those of all entries. They need no
// DOM types: Request, Response, RequestInit and fetch are those of whichever runtime's types are loaded.
import { createFetch as paying, type PaidFetch, parser } from "../core/fetch.js";
import type { Options } from "../core/options.js";
import type { Challenge, Invoice, Macaroon } from "../core/parsers.js";
import { load } from "../loading/url.js";

export { type ErrorCode, L402Error } from "../core/error.js";
export { type PaidFetch, receiptOf } from "../core/fetch.js";
export type { Filter } from "../core/filter.js";
export { memoryStore } from "../core/memory.js";
export type { Approve, ApproveContext, Limits, Options } from "../core/options.js";
export type { Challenge, Invoice, Macaroon, Network, Protocol } from "../core/parsers.js";
export type { Payment, PaymentEvent, Quote, Receipt } from "../core/payment.js";
export type { ListOptions, Store } from "../core/store.js";
export type { NwcClient, PayContext, PayFunction, PayResult, Wallet, WebLNProvider } from "../core/wallet.js";

/**
 * A drop-in `fetch` that pays for 402 responses over Lightning. Synchronous, without side effects, fit for a module's
 * top level everywhere; the wasm core is loaded when it is first needed.
 *
 * Amounts are satoshis unless a name says msat. A satoshi amount is a non-negative integer up to 9007199254740 (its
 * millisatoshis stay below 2^53), an msat amount one below 2^53.
 *
 * @throws {L402Error} `invalid_options`, naming the key, on an unknown key, a missing limit or a value of the wrong
 *   type
 * @example
 * const pay = createFetch({ wallet, limits: { perPayment: 100 } });
 * const response = await pay("https://api.example.com/weather");
 */
export const createFetch = (options: Options): PaidFetch => paying(options, load);

/**
 * Every challenge in a `WWW-Authenticate` value, in header order, Lightning or not.
 *
 * Rejects with `invalid_challenge` where the header holds no offer and it, or a Lightning challenge in it, is
 * malformed; a header of other schemes alone resolves with no offer, and so does a scheme with a token68 (`L402
 * price-only`).
 */
export const parseChallenges: (header: string) => Promise<Challenge[]> = /* @__PURE__ */ parser(
  load,
  "parseChallenges",
);

/**
 * A BOLT11 invoice, its bech32 checksum verified, its signature not: what it says of the payee is a claim. Rejects with
 * `invalid_invoice`, also where a field that is to come once comes twice, or it has not one of description and its
 * hash.
 */
export const decodeInvoice: (paymentRequest: string) => Promise<Invoice> = /* @__PURE__ */ parser(
  load,
  "decodeInvoice",
);

/** A macaroon token, one alone (V1, V2 or V2-JSON, any base64). Rejects with `invalid_macaroon`. */
export const decodeMacaroon: (token: string) => Promise<Macaroon> = /* @__PURE__ */ parser(load, "decodeMacaroon");

/**
 * The same token, narrowed by first-party caveats: what a holder may hand to a sub-agent. Rejects with
 * `invalid_macaroon`.
 */
export const attenuateMacaroon: (token: string, caveats: string[]) => Promise<string> = /* @__PURE__ */ parser(
  load,
  "attenuateMacaroon",
);
