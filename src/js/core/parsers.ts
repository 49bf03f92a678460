import { type ErrorCode, L402Error, loadFailed } from "./error.js";
import { isHeaders } from "./shapes.js";
import type { LoadSigner } from "./signer.js";

/** How a server offers to be paid. */
export type Protocol = "l402" | "lsat" | "mpp" | "x402";

/** The network that an invoice's prefix names. */
export type Network = "bitcoin" | "testnet" | "signet" | "regtest" | "simnet";

/** One challenge of a `WWW-Authenticate` header, or one entry of a `PAYMENT-REQUIRED` (x402). */
export interface Challenge {
  /** The scheme as received. */
  scheme: string;
  /** The parameters: names in lower case, values unescaped. Of an entry its members that are texts, as they are. */
  params: Record<string, string>;
  /** Set if Lightning can pay this challenge. */
  offer?: Offer;
}

/** What a challenge offers, as received. Nothing of it is checked yet. */
export type Offer =
  | { protocol: "l402" | "lsat"; token: string; invoice: string }
  | { protocol: "mpp"; intent: "charge" | "session"; invoice: string }
  | { protocol: "x402"; payTo: string; invoice: string };

/** A decoded BOLT11 invoice. */
export interface Invoice {
  /** The invoice as received. */
  paymentRequest: string;
  /** The network that its prefix names. */
  network: Network;
  /** null if the invoice names no amount. */
  amountMsat: number | null;
  /** The amount in satoshis, rounded up. null if the invoice names no amount. */
  amountSat: number | null;
  /** The payment hash in hex. */
  paymentHash: string;
  /**
   * A stranger's text: show it as text, and give it to no model as an instruction. null if the invoice holds only its
   * hash.
   */
  description: string | null;
  /** The SHA-256 hash of the description in hex. null if the invoice holds the description. */
  descriptionHash: string | null;
  /**
   * The payee's node id in hex, if the invoice carries it. It is an unverified claim: show it as one, and decide
   * nothing by it.
   */
  payee: string | null;
  /** When the invoice was made, in Unix seconds. */
  timestamp: number;
  /** When the invoice expires, in Unix seconds. */
  expiresAt: number;
}

/** A decoded macaroon. */
export interface Macaroon {
  /** The version of the format. */
  version: 1 | 2;
  /** The location, a hint without a signature. null if there is none. */
  location: string | null;
  /** The identifier in hex. */
  identifier: string;
  /** The payment hash in hex. null unless the identifier has a layout that commits to one. */
  paymentHash: string | null;
  /** The token id in hex. null unless the identifier has a layout that holds one. */
  tokenId: string | null;
  /** The caveats: each is split at the first `=`, and both sides are trimmed. `raw` is the caveat as received. */
  caveats: { condition: string; value: string; raw: string }[];
  /**
   * The earliest expiry caveat that is understood, in Unix seconds. Its condition is `expires`, `expires_at`,
   * `expiresAt`, `ExpiresAt`, `exp`, `expiration` or `<name>_valid_until`. Its value is in seconds, in milliseconds or
   * in the form of RFC 3339; without a time zone that is UTC.
   */
  expiresAt: number | null;
  /** The signature in hex. A secret of whoever holds the token. */
  signature: string;
}

/**
 * The core's parsers, by their public names.
 *
 * @internal
 */
export interface Parsers {
  parseChallenges(from: string | Headers | Response): Challenge[];
  decodeInvoice(paymentRequest: string): Invoice;
  decodeMacaroon(token: string): Macaroon;
  attenuateMacaroon(token: string, caveats: string[]): string;
  recoverPayee(paymentRequest: string): Promise<string>;
}

/** The headers of a Response, or what is one itself; undefined where it is neither. */
function headersOf(from: unknown): Headers | undefined {
  const { headers = from } = Object(from) as { headers?: unknown };
  return isHeaders(Object(headers)) ? (headers as Headers) : undefined;
}

/**
 * Makes the parsers of the bindings' one.
 *
 * @internal
 */
export function parsersOf(parse: typeof import("../core.js").parse, loadSigner: LoadSigner): Parsers {
  /** What the core makes of a text. The bindings would misread what is no string. */
  function read(name: keyof Parsers, code: ErrorCode, kind: number, text: string, more = "") {
    if (typeof text !== "string")
      throw new L402Error(code, `${name} takes a string, not ${text === null ? "null" : typeof text}`);
    try {
      return parse(kind, text, more);
    } catch (error) {
      throw Array.isArray(error) ? new L402Error(...(error as [ErrorCode, string])) : error;
    }
  }
  return {
    parseChallenges(from) {
      const headers = headersOf(from);
      const [header, required] = headers
        ? [headers.get("www-authenticate") ?? "", headers.get("payment-required") ?? ""]
        : [from as string];
      return JSON.parse(read("parseChallenges", "invalid_challenge", 0, header, required));
    },
    decodeInvoice: (paymentRequest) => JSON.parse(read("decodeInvoice", "invalid_invoice", 1, paymentRequest)),
    decodeMacaroon: (token) => JSON.parse(read("decodeMacaroon", "invalid_macaroon", 2, token)),
    attenuateMacaroon(token, caveats) {
      if (!Array.isArray(caveats) || !Array.from(caveats).every((caveat) => typeof caveat === "string")) {
        throw new L402Error("invalid_macaroon", "caveats must be an array of strings");
      }
      return read("attenuateMacaroon", "invalid_macaroon", 3, token, JSON.stringify(caveats));
    },
    async recoverPayee(paymentRequest) {
      const signature = JSON.parse(read("recoverPayee", "invalid_invoice", 4, paymentRequest));
      const { signerOf } = await loadSigner().catch((cause) => {
        throw loadFailed(`what recovers the payee could not be loaded: ${cause?.message ?? cause}`, cause);
      });
      const payee = signerOf(signature);
      if (payee === null) throw new L402Error("invalid_invoice", "the invoice's signature is not valid");
      return payee;
    },
  };
}
