// Charges of MPP over Lightning (the scheme `Payment`): draft-httpauth-payment and draft-lightning-charge.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { randomBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base64urlnopad, hex } from "@scure/base";
import type { Network } from "../core/parsers.js";
import type { Credential, Refusal, Sale } from "./sale.js";

/** The parameters that the id is made of. */
const SIGNED = ["realm", "method", "intent", "request"] as const;
/** The names that the draft has for networks. */
const NETWORKS: Partial<Record<Network, string>> = { bitcoin: "mainnet", signet: "signet", regtest: "regtest" };

const PROBLEMS = "https://paymentauth.org/problems/";
/** The problem that stands for each refusal. */
const TYPES: Record<Refusal, string> = {
  unknown: "verification-failed",
  not_paid: "verification-failed",
  used: "lightning/unknown-challenge",
  expired: "lightning/expired-invoice",
  elsewhere: "verification-failed",
};

/** The type of a problem (RFC 9457). */
export const problem = (refusal: Refusal | null): string => PROBLEMS + (refusal ? TYPES[refusal] : "payment-required");

type Params = Record<string, unknown>;

/** Makes charges, and knows its own again. */
export class Charges {
  readonly #key = randomBytes(32);

  /** A challenge in `WWW-Authenticate`. `paymentHash` is what the challenge names. */
  challenge({ invoice, network, amountSat }: Sale, paymentHash: string): string {
    const name = NETWORKS[network];
    // In the order of JCS.
    const methodDetails = { invoice, ...(name && { network: name }), paymentHash };
    const params: Params = {
      realm: "shop",
      method: "lightning",
      intent: "charge",
      request: encode({ amount: String(amountSat), currency: "sat", methodDetails }),
    };
    return `Payment id="${this.#id(params)}", ${SIGNED.map((name) => `${name}="${params[name]}"`).join(", ")}`;
  }

  /** Reads an `Authorization`. undefined: it is no charge. null: the shop has never made such a challenge. */
  read(authorization: string): Credential | null | undefined {
    const [, text] = /^Payment (.*)$/.exec(authorization) ?? [];
    if (text === undefined) return undefined;
    try {
      const { challenge, payload } = decode(text);
      if (challenge.id !== this.#id(challenge)) return null;
      const { paymentHash } = decode(challenge.request).methodDetails;
      return { protocol: "mpp", paymentHash, preimage: payload.preimage };
    } catch {
      return null;
    }
  }

  /** The value of a `Payment-Receipt`. */
  receipt(authorization: string, paymentHash: string, milliseconds: number): string {
    const { challenge } = decode(authorization.slice("Payment ".length));
    return encode({
      challengeId: challenge.id,
      method: "lightning",
      reference: paymentHash,
      status: "success",
      timestamp: new Date(milliseconds).toISOString(),
    });
  }

  #id(params: Params): string {
    return hex.encode(hmac(sha256, this.#key, utf8ToBytes(JSON.stringify(SIGNED.map((name) => params[name])))));
  }
}

const encode = (value: unknown) => base64urlnopad.encode(utf8ToBytes(JSON.stringify(value)));
const decode = (text: string) => JSON.parse(new TextDecoder().decode(base64urlnopad.decode(text)));
