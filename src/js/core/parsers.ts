import { type ErrorCode, L402Error } from "./error.js";

/** How a server offers to be paid. */
export type Protocol = "l402" | "lsat" | "mpp" | "x402";

/** The network that an invoice's prefix names. */
export type Network = "bitcoin" | "testnet" | "signet" | "regtest" | "simnet";

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
  /**
   * Hex, where the invoice carries it. It is what the invoice claims, and not verified: show it as such, and decide
   * nothing by it.
   */
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
   * Unix seconds: the earliest expiry caveat that is understood. That is `expires`, `expires_at`, `expiresAt`,
   * `ExpiresAt`, `exp`, `expiration` or `<name>_valid_until`, in seconds, milliseconds or as RFC 3339 has it, where no
   * time zone means UTC.
   */
  expiresAt: number | null;
  /** Hex. A secret of whoever holds the token. */
  signature: string;
}

/**
 * The core's parsers, by their public names.
 *
 * @internal
 */
export interface Parsers {
  parseChallenges(header: string): Challenge[];
  decodeInvoice(paymentRequest: string): Invoice;
  decodeMacaroon(token: string): Macaroon;
  attenuateMacaroon(token: string, caveats: string[]): string;
}

/**
 * Makes the parsers of the bindings' one.
 *
 * @internal
 */
export function parsersOf(parse: typeof import("../core.js").parse): Parsers {
  /** What the core makes of a text. The bindings would misread what is no string. */
  function read(name: keyof Parsers, code: ErrorCode, kind: number, text: string, caveats = "") {
    if (typeof text !== "string")
      throw new L402Error(code, `${name} takes a string, not ${text === null ? "null" : typeof text}`);
    try {
      return parse(kind, text, caveats);
    } catch (error) {
      throw Array.isArray(error) ? new L402Error(...(error as [ErrorCode, string])) : error;
    }
  }
  return {
    parseChallenges: (header) => JSON.parse(read("parseChallenges", "invalid_challenge", 0, header)),
    decodeInvoice: (paymentRequest) => JSON.parse(read("decodeInvoice", "invalid_invoice", 1, paymentRequest)),
    decodeMacaroon: (token) => JSON.parse(read("decodeMacaroon", "invalid_macaroon", 2, token)),
    attenuateMacaroon(token, caveats) {
      if (!Array.isArray(caveats) || !Array.from(caveats).every((caveat) => typeof caveat === "string")) {
        throw new L402Error("invalid_macaroon", "caveats must be an array of strings");
      }
      return read("attenuateMacaroon", "invalid_macaroon", 3, token, JSON.stringify(caveats));
    },
  };
}
