// Writes signed BOLT11 invoices, as a node of its own does.
// https://github.com/lightning/bolts/blob/master/11-payment-encoding.md
/*! noble-hashes - MIT License (c) 2022 Paul Miller (paulmillr.com) */
// The licence above goes into the bundle with the library, which does not bring one along.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, randomBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { getPublicKey, hashes, sign, utils } from "@noble/secp256k1";
import { bech32, hex } from "@scure/base";
import type { Network } from "../core/parsers.js";

hashes.sha256 = sha256;
hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);

const PREFIXES: Record<Network, string> = {
  bitcoin: "lnbc",
  testnet: "lntb",
  signet: "lntbs",
  regtest: "lnbcrt",
  simnet: "lnsb",
};

// The types of fields, as their numbers in bech32.
const PAYMENT_HASH = 1;
const FEATURES = 5;
const EXPIRY = 6;
const DESCRIPTION = 13;
const PAYMENT_SECRET = 16;
const DESCRIPTION_HASH = 23;
const MIN_FINAL_CLTV = 24;

/** Bits 8 and 14: the payer has to know how fields and secrets are sent. */
const NEEDED_FEATURES = [16, 8, 0];
/** In blocks. */
const FINAL_CLTV = 144;

/** What an invoice says. */
export interface InvoiceTerms {
  network: Network;
  /** Whole satoshis, at least 1. */
  amountSat: number;
  paymentHash: Uint8Array;
  /** The text itself, or its SHA-256 hash. */
  description: string | Uint8Array;
  /** Unix seconds. */
  timestamp: number;
  expirySeconds: number;
}

/** The node that the shop is paid at. It has a new key each time. */
export class Node {
  readonly #key = utils.randomSecretKey();
  /** Its public key in hex. */
  readonly id = hex.encode(getPublicKey(this.#key));

  invoice({ network, amountSat, paymentHash, description, timestamp, expirySeconds }: InvoiceTerms): string {
    // A nano-bitcoin is a tenth of a satoshi.
    const prefix = `${PREFIXES[network]}${BigInt(amountSat) * 10n}n`;
    const words = [
      ...number(timestamp, 7),
      ...field(PAYMENT_HASH, bech32.toWords(paymentHash)),
      ...field(PAYMENT_SECRET, bech32.toWords(randomBytes(32))),
      ...(typeof description === "string"
        ? field(DESCRIPTION, bech32.toWords(utf8ToBytes(description)))
        : field(DESCRIPTION_HASH, bech32.toWords(description))),
      ...field(EXPIRY, number(expirySeconds)),
      ...field(MIN_FINAL_CLTV, number(FINAL_CLTV)),
      ...field(FEATURES, NEEDED_FEATURES),
    ];
    const digest = sha256(concatBytes(utf8ToBytes(prefix), packed(words)));
    const signature = sign(digest, this.#key, { prehash: false, format: "recovered" });
    // The library puts the recovery number first, BOLT11 last.
    const ordered = concatBytes(signature.subarray(1), signature.subarray(0, 1));
    return bech32.encode(prefix, [...words, ...bech32.toWords(ordered)], false);
  }
}

const field = (type: number, words: number[]) => [type, ...number(words.length, 2), ...words];

/** A whole number in words of five bits: so many, or as many as it needs. */
function number(value: number, length = 0): number[] {
  const words: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 32)) words.unshift(rest % 32);
  while (words.length < length) words.unshift(0);
  return words;
}

/** The words as bytes, filled up with zero bits. */
function packed(words: number[]): Uint8Array {
  const whole = [...words];
  while (whole.length % 8) whole.push(0);
  return bech32.fromWords(whole).subarray(0, Math.ceil((words.length * 5) / 8));
}
