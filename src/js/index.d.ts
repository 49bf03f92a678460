// The types of `l402-fetch` and `l402-fetch/inline`. Amounts are satoshis unless a name says msat; a satoshi amount is a
// non-negative integer up to 9007199254740 (its millisatoshis stay below 2^53), an msat amount one below 2^53.
// Needs no DOM types: Request, Response, RequestInit and fetch are those of whichever runtime's types are loaded.

/**
 * A drop-in `fetch` that pays for 402 responses over Lightning. Synchronous, without side effects, fit for a module's
 * top level everywhere; the wasm core is loaded when it is first needed.
 *
 * @throws {L402Error} `invalid_options`, naming the key, on an unknown key, a missing limit or a value of the wrong type
 * @example
 * const pay = createFetch({ wallet, limits: { perPayment: 100 } });
 * const response = await pay("https://api.example.com/weather");
 */
export function createFetch(options: Options): PaidFetch;

/**
 * Every challenge in a `WWW-Authenticate` value, in header order, Lightning or not.
 *
 * Rejects with `invalid_challenge` where the header holds no offer and it, or a Lightning challenge in it, is malformed;
 * a header of other schemes alone resolves with no offer, and so does a scheme with a token68 (`L402 price-only`).
 */
export function parseChallenges(header: string): Promise<Challenge[]>;

/**
 * A BOLT11 invoice, its bech32 checksum verified, its signature not: what it says of the payee is a claim. Rejects with
 * `invalid_invoice`, also where a field that is to come once comes twice, or it has not one of description and its hash.
 */
export function decodeInvoice(paymentRequest: string): Promise<Invoice>;

/** A macaroon token, one alone (V1, V2 or V2-JSON, any base64). Rejects with `invalid_macaroon`. */
export function decodeMacaroon(token: string): Promise<Macaroon>;

/** The same token, narrowed by first-party caveats: what a holder may hand to a sub-agent. Rejects with `invalid_macaroon`. */
export function attenuateMacaroon(token: string, caveats: string[]): Promise<string>;

/** What this response cost and which credential it used; undefined where no credential was used. */
export function receiptOf(response: Response): Receipt | undefined;

/** What `createFetch` makes: called like `fetch`, and never needs a `this`. */
export interface PaidFetch {
  /**
   * Sends the request, and pays where the answer is a 402 that Lightning can pay within the limits. At most one payment
   * per call. Rejects with an L402Error, or with the network's or the caller's own error by identity.
   */
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Asks the price and never pays: null where the resource is free or already paid for. Limits do not apply. */
  quote(input: string | URL | Request, init?: RequestInit): Promise<Quote | null>;
  /**
   * The payment journal, oldest first. Unsettled payments are first looked up by the wallet, if it can; for 10 s at most. Of
   * many thousands, old settled ones are no longer listed; `spent()` counts them.
   */
  payments(): Promise<Payment[]>;
  /**
   * Satoshis paid, or handed to a wallet that has not settled them, in the last hour, the last day, and ever; with the
   * fees reported. Rounded up once. Unsettled payments are looked up first, as for `payments()`.
   *
   * @param origin any URL of the origin that is meant; without it, all origins
   */
  spent(origin?: string): Promise<{ hour: number; day: number; total: number }>;
  /**
   * Settles a payment whose outcome was unknown. Rejects with `wrong_preimage`, and with `invalid_options` for an unknown
   * hash, for "failed" of what is proven, and for "failed" while whoever asked the wallet may still be at it. A preimage is taken
   * at any time, also after a mistaken "failed"; the same twice changes nothing.
   */
  resolve(paymentHash: string, outcome: { preimage: string } | "failed"): Promise<void>;
  /** Drops stored tokens and what is known of refused ones: of one origin, or all. The journal stays. */
  forget(origin?: string): Promise<void>;
  /** What the wallet can still spend; null where it can't tell. */
  balanceMsat(): Promise<number | null>;
  /**
   * Loads the core now, for who knows that it will pay: the first payment then need not wait for it. Sends, reads and asks
   * nothing. Rejects with `load_failed`; the next call tries again.
   */
  warm(): Promise<void>;
}

/** What `createFetch` takes. A key that is not listed here is an error; an optional key that is undefined is absent. */
export interface Options {
  /** Who pays: a function, a WebLN provider (`window.webln`), an NWC client with `payInvoice`, or a Wallet. */
  wallet: Wallet | PayFunction | WebLNProvider | NwcClient;
  /** How much may be spent. */
  limits: Limits;
  /** Where tokens and the journal live. Default: memory. */
  store?: Store | undefined;
  /**
   * Asked before each payment, after every other check, one question at a time. Anything but true refuses with `declined`. Like `wallet`, `fetch` and `onEvent` it runs in
   * the async context (`AsyncLocalStorage`) of the call that caused it; where calls share a purchase, in that of the one that pays.
   */
  approve?: Approve | undefined;
  /** Networks whose invoices may be paid. Default: ["bitcoin"]. */
  networks?: Network[] | undefined;
  /**
   * Origins ("https://api.example.com") or host patterns ("api.example.com", "api.example.com:8443", "*.example.com")
   * that may be paid. A host without port means any port; `*.` stands for one or more labels, not for the bare domain.
   * Default: any https host, and loopback. An empty list pays nobody.
   */
  hosts?: string[] | undefined;
  /**
   * Hosts that may be paid over plain http, and are sent tokens over it: host patterns as in `hosts`. Loopback and .onion always
   * may. Given `hosts`, they must be in it too. Default: none.
   */
  insecureHosts?: string[] | undefined;
  /** Preference among offers of one 402. Default: ["l402", "lsat", "mpp", "x402"]. */
  protocols?: Protocol[] | undefined;
  /** "preimage" (default) demands proof of payment; "none" also accepts a wallet that only says `true`, and then sends the bare token. */
  proof?: "preimage" | "none" | undefined;
  /** Milliseconds to wait for the wallet before its outcome counts as unknown; a later answer is still recorded. 1 to 2147483647, default: 300000. */
  paymentTimeout?: number | undefined;
  /** What sends the requests, of whichever make. Default: the `fetch` that was global when `createFetch` was called. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds since the Unix epoch. Default: Date.now. */
  now?: (() => number) | undefined;
  /**
   * Asked where nobody can tell what became of a payment, to ask a person, say: what it resolves with settles it; "wait", a
   * preimage that proves nothing, or a throw leaves it open. One question at a time, and only once no order is out: before that
   * it is not asked.
   */
  onUnknown?: ((payment: Payment, error: L402Error) => Promise<{ preimage: string } | "failed" | "wait">) | undefined;
  /** Told of each step; what it throws is ignored. */
  onEvent?: ((event: PaymentEvent) => void) | undefined;
}

/** Says whether to pay. */
export type Approve = (quote: Quote, context: ApproveContext) => boolean | Promise<boolean>;
/** What whoever is asked may want to know besides the price. */
export interface ApproveContext {
  /** Fires when nobody waits for the answer any more: every call that wanted this was aborted. Close the dialog then. */
  signal: AbortSignal;
  /** Millisatoshis: the most that the routing fee may be; possibly 0. */
  maxFeeMsat: number;
  /** What the limits leave before this payment, all else that is reserved taken off: satoshis, rounded down; null where there is no
   *  such limit. `payment` is the least of all. */
  remaining: { payment: number; hour: number | null; day: number | null; total: number | null };
}

/** All include the routing fee. 0 means zero, not unlimited; an absent optional limit does not limit. */
export interface Limits {
  /** The most that one payment may cost. */
  perPayment: number;
  /** In any 60 minutes. */
  perHour?: number | undefined;
  /** In any 24 hours. */
  perDay?: number | undefined;
  /** Ever, as far as the store remembers. */
  total?: number | undefined;
  /** The same windows, for each origin. */
  perOrigin?: { perHour?: number | undefined; perDay?: number | undefined; total?: number | undefined } | undefined;
}

/** How a server offers to be paid. */
export type Protocol = "l402" | "lsat" | "mpp" | "x402";
/** The network that an invoice's prefix names. */
export type Network = "bitcoin" | "testnet" | "signet" | "regtest" | "simnet";

/** Pays one invoice. */
export type PayFunction = (invoice: Invoice, context: PayContext) => PayResult | Promise<PayResult>;
/**
 * A 64-digit hex preimage; an object that holds it; `failed`, where the wallet knows that nothing was paid nor will be
 * (`payment_failed`, the amount is released); `true`, only with `proof: "none"`. A throw leaves the outcome unknown: it is
 * looked up, and where no one can tell, `payment_unknown`. A refusal by the user of a WebLN wallet is known to be one.
 */
export type PayResult = string | { preimage: string; feeMsat?: number } | { failed: string; cause?: unknown } | true;
/** What a wallet may want to know besides the invoice. */
export interface PayContext {
  /** The URL that is paid for, without user, password and fragment. */
  url: string;
  /** The most that the routing fee may be; possibly 0. */
  maxFeeMsat: number;
  /** Fires at `paymentTimeout`, and only then. */
  signal: AbortSignal;
}
/** A wallet that can do more than pay. */
export interface Wallet {
  pay: PayFunction;
  /**
   * Says what became of an earlier payment: how an interrupted one is recovered without paying twice. `failed`: the wallet says
   * for certain that nothing was paid nor will be. `not_found`: it has no record, which proves nothing by itself.
   */
  lookup?(
    paymentHash: string,
  ): Promise<
    | { state: "paid"; preimage: string; feeMsat?: number }
    | { state: "pending" }
    | { state: "failed" }
    | { state: "not_found" }
  >;
  /**
   * Says which wallet this is, so that another's lookup ends nothing. Absent: one of its own for each client. The modules of
   * this package make it of the endpoint and the account.
   */
  id?: string;
  /** It never pays one payment hash twice, whatever it is asked: an abandoned order may be handed to it again. Default: false. */
  settlesOnce?: boolean;
  /** Spendable; null where it can't tell. */
  balanceMsat?(): Promise<number | null>;
}
/** The part of a WebLN provider that is used. `enable` is called before each payment. */
export interface WebLNProvider {
  enable(): Promise<unknown>;
  sendPayment(paymentRequest: string): Promise<{ preimage: string }>;
}
/** The part of a Nostr Wallet Connect client that is used; `fees_paid` and `balance` are in msat. `createFetch` itself uses
 *  `payInvoice` alone; `nwc(client)` of `l402-fetch/wallets/nwc` the others too. */
export interface NwcClient {
  payInvoice(args: { invoice: string }): Promise<{ preimage: string; fees_paid?: number }>;
  lookupInvoice?(args: {
    payment_hash: string;
  }): Promise<{ type?: string; state?: string; preimage?: string; settled_at?: number; fees_paid?: number }>;
  getBalance?(): Promise<{ balance: number }>;
}

/** Keeps texts by key. */
export interface Store {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, value: string): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /**
   * Runs `task` while nobody else who shares this store holds `name`. Default: within this instance.
   */
  lock?<T>(name: string, task: () => Promise<T>): Promise<T>;
}

/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** As received. */
  scheme: string;
  /** Names lower-cased, values unescaped. */
  params: Record<string, string>;
  /** Set where this is an offer that Lightning can pay. */
  offer?: { protocol: Protocol; token: string; invoice: string };
}

/** A decoded BOLT11 invoice. */
export interface Invoice {
  /** The invoice as received. */
  paymentRequest: string;
  network: Network;
  /** null: the invoice names no amount. */
  amountMsat: number | null;
  /** Rounded up. */
  amountSat: number | null;
  /** Hex. */
  paymentHash: string;
  /** Text from a stranger. */
  description: string | null;
  /** Hex. */
  descriptionHash: string | null;
  /** Hex, where the invoice carries it. It is what the invoice claims, and not verified: show it as such, and decide nothing by it. */
  payee: string | null;
  /** Unix seconds. */
  timestamp: number;
  /** Unix seconds. */
  expiresAt: number;
}

/** A decoded macaroon. */
export interface Macaroon {
  version: 1 | 2;
  location: string | null;
  /** Hex. */
  identifier: string;
  /** Hex. Set where the identifier has a layout that commits to a payment hash. */
  paymentHash: string | null;
  /** Hex. */
  tokenId: string | null;
  /** Split at the first `=`, both sides trimmed; `raw` is the caveat as received. */
  caveats: { condition: string; value: string; raw: string }[];
  /**
   * Unix seconds: the earliest expiry caveat that is understood. That is `expires`, `expires_at`, `expiresAt`, `ExpiresAt`, `exp`,
   * `expiration` or `<name>_valid_until`, in seconds, milliseconds or as RFC 3339 has it, where no time zone means UTC.
   */
  expiresAt: number | null;
  /** Hex. A secret of whoever holds the token. */
  signature: string;
}

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

/** What `onEvent` is told: challenge, quote, paying, then paid or failed, once per purchase. URLs come without user, password and fragment. */
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

/** A real Error. `cause` is the wallet's, the store's or the network's own error object, by identity. */
export class L402Error extends Error {
  constructor(
    code: ErrorCode,
    message: string,
    details?: { cause?: unknown; response?: Response; payment?: Payment; quote?: Quote },
  );
  /** Stable, meant for programs; the message is for people and may change. */
  readonly code: ErrorCode;
  /** The 402 response, body unread, where there was one. */
  readonly response?: Response;
  /** The payment that it is about, where money may have moved. */
  readonly payment?: Payment;
  /** Price and invoice, where they are known. */
  readonly quote?: Quote;
  /** Whether money has moved in this call: "maybe" where nobody can tell, the amount then stays reserved. The code decides it. */
  readonly moneyMoved: "no" | "maybe" | "yes";
}

export type ErrorCode =
  | "invalid_options"
  | "invalid_challenge"
  | "invalid_invoice"
  | "invalid_macaroon"
  | "load_failed" // the wasm core could not be loaded: says from where, and what to do
  // refused before any money moved
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
  | "not_honored" // what was last paid for here was never accepted: tried first at each call, not paid again before forget()
  // the wallet was asked
  | "payment_failed"
  | "payment_unknown"
  | "no_preimage"
  | "wrong_preimage"
  // paid, and the token is kept: the next call reuses it
  | "request_failed";
