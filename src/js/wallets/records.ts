// What the wallet modules have in common. The `pay` and `find` of a module report what the wallet says. The core
// decides what that means, from times that it stores. Not part of the public surface.
import type { Invoice } from "../core/parsers.js";
import { digest, RECORDS } from "../core/records.js";
import type { Failed, Found, InvoiceOrder, PayContext, Wallet } from "../core/wallet.js";
import { hexOf } from "./base64.js";

// In milliseconds. Less than the core's own 10 s: a lookup that takes longer counts as no answer.
const LOOKUP_TIMEOUT = 8_000;
// In milliseconds. A phone may have to wake up first.
const INVOICE_TIMEOUT = 20_000;
/**
 * A lookup can overtake a request whose connection broke. The request may still be carried out within this many
 * milliseconds.
 */
export const OVERTAKEN = 2_000;

/** A module notes here what it learns of an order while it pays. */
export interface Entry {
  /** The wallet has said that it has the payment. */
  known?: boolean;
  /** The wallet is done with the order and begins no further attempt. */
  ended?: boolean;
}

/** A preimage that the wallet shows, and the fee if it tells one. */
export type Proof = { preimage: string; feeMsat?: number };

/** The part of a wallet that each module brings. */
export interface Module {
  /** Answers as `PayFunction` does. Throws if the outcome is unknown. */
  pay(invoice: Invoice, context: PayContext, entry: Entry): Promise<Proof | Failed>;
  /**
   * Resolves as `Wallet.lookup` does. With `failed` it may tell `begunAt`: the time when that attempt was begun, in
   * milliseconds by the wallet's clock.
   */
  find?: ((paymentHash: string, signal: AbortSignal) => Promise<Found>) | undefined;
  /** Resolves as `Wallet.makeInvoice` does. */
  make?: ((order: InvoiceOrder, signal: AbortSignal) => Promise<string>) | undefined;
  /** Resolves as `Wallet.received` does. The hash is 64 lower-case hex digits. */
  came?: ((paymentHash: string, signal: AbortSignal) => Promise<number | null>) | undefined;
  /** A text that no other wallet has. Only its digest is shown. */
  account?: string | undefined;
  /** See `core/records.ts`. */
  records?: { finds?: boolean; errorMs?: number; sentMs?: number };
  settlesOnce?: boolean;
  /**
   * Whether a request is certainly sent only once. If the runtime may have sent it again, a refusal may belong to the
   * second request while the first is being carried out. Then the wallet's records decide.
   */
  once?: boolean;
}

/**
 * Makes a `Wallet` of `pay` and `find`.
 *
 * @param name the name of the wallet, for messages
 */
export function withRecords(
  name: string,
  { pay, find, make, came, account, records, settlesOnce, once = true }: Module,
): Wallet & { [RECORDS]: Module["records"] } {
  /**
   * Looks up a refused request that may have been sent twice. If the lookup is refused too, the refusal stands. If the
   * lookup gets no answer, the outcome is unknown.
   */
  async function confirm(refusal: Failed, hash: string, entry: Entry): Promise<Proof | Failed> {
    if (!find) return refusal;
    const found = await within(LOOKUP_TIMEOUT, (signal) => find(hash, signal)).catch((error) => {
      if (error instanceof Unproven) throw error;
      return { state: error instanceof Unreached || error.name === "TimeoutError" ? "unknown" : "not_found" };
    });
    if (found.state === "not_found" || found.state === "failed") return refusal;
    entry.known = found.state !== "unknown";
    if (found.state === "paid") return found as Found & Proof;
    throw new Error(`${refusal.failed}; but it may have the payment on its way`);
  }

  /** Asks with a payment hash, for no longer than `LOOKUP_TIMEOUT`. */
  const byHash =
    <Result>(task: (paymentHash: string, signal: AbortSignal) => Promise<Result>) =>
    async (paymentHash: string) => {
      if (!/^[0-9a-f]{64}$/i.test(paymentHash)) throw new TypeError("paymentHash must be 64 hex digits");
      return within(LOOKUP_TIMEOUT, (signal) => task(paymentHash.toLowerCase(), signal));
    };

  return {
    ...(account !== undefined && { id: `${name}-${digest(account)}` }),
    ...(settlesOnce && { settlesOnce }),
    [RECORDS]: records,
    async pay(invoice, context) {
      const entry: Entry = {};
      try {
        const answer = await pay(invoice, context, entry);
        return "failed" in answer && !once ? await confirm(answer, invoice.paymentHash, entry) : answer;
      } catch (error) {
        if (error instanceof Unsent) return { failed: error.message, cause: error };
        const heard = entry.known ? "known" : entry.ended && "ended";
        if (heard && Object.isExtensible(error)) Object.defineProperty(error as object, RECORDS, { value: heard });
        throw error;
      }
    },
    ...(find && { lookup: byHash(find) as NonNullable<Wallet["lookup"]> }),
    ...(make && { makeInvoice: (order: InvoiceOrder) => within(INVOICE_TIMEOUT, (signal) => make(order, signal)) }),
    ...(came && { received: byHash(came) }),
  };
}

/** It is certain that nothing has reached the wallet. */
export class Unsent extends Error {}

/** There is no answer: nobody knows whether the wallet has had the request. */
export class Unreached extends Error {}

/** The wallet says that it has paid, and shows no preimage. */
class Unproven extends Error {}

/** Resolves as the task does. When the time is over, it rejects and the signal fires. */
async function within<Result>(milliseconds: number, task: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new DOMException(`the wallet gave no answer within ${milliseconds / 1000} s`, "TimeoutError");
      reject(reason);
      controller.abort(reason);
    }, milliseconds);
  });
  try {
    return await Promise.race([task(controller.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A preimage as lower-case hex, from hex or base64. Undefined for anything else, and for zeros, which mean "none".
 */
export function preimageOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  let hex = value.toLowerCase();
  if (/^[\w+/-]{43}=?$/.test(value)) hex = hexOf(value.slice(0, 43));
  return /^[0-9a-f]{64}$/.test(hex) && !/^0+$/.test(hex) ? hex : undefined;
}

/** `{ preimage, feeMsat? }`. Throws if the wallet shows no preimage. */
export function proofOf(name: string, preimage: unknown, feeMsat: unknown): Proof {
  const hex = preimageOf(preimage);
  if (!hex) throw new Unproven(`${name} says that it has paid, and shows no preimage`);
  const fee = msat(feeMsat);
  return fee === undefined ? { preimage: hex } : { preimage: hex, feeMsat: fee };
}

/** Satoshis, for a wallet that can't ask for less than one. */
export function satOf(name: string, amountMsat: number): number {
  if (amountMsat % 1000 === 0) return amountMsat / 1000;
  throw new TypeError(`${name} makes invoices of whole satoshis only, and not of ${amountMsat} msat`);
}

/** Whether it looks like an invoice. The core reads the rest. */
export const isInvoice = (text: unknown): text is string => typeof text === "string" && /^ln/i.test(text);

/** Whole millisatoshis, from a number or from text. Undefined for anything else. */
export function msat(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d+(msat)?$/.test(value) ? parseInt(value, 10) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
