// What the wallet modules have in common. Each brings `pay` and `find`, which report what the wallet says; what that is worth is
// for the core to decide, from times that it stores. Not part of the public surface.
import { digest, RECORDS } from "../records.js";

// Below the core's own 10 s: a lookup that takes longer is no answer.
const LOOKUP_TIMEOUT = 8_000;
/** A request whose connection broke may be carried out a moment after a lookup that overtook it: so many milliseconds. */
export const OVERTAKEN = 2_000;

/**
 * A Wallet of `pay` and `find`.
 *
 * `pay(invoice, context, entry)` answers as `PayFunction` does, or throws where the outcome is unknown. It sets `entry.known`
 * once the wallet has said that it has the payment, and `entry.ended` once it is done with the order and begins no further
 * attempt.
 *
 * `find(paymentHash, signal)` resolves to what `Wallet.lookup` does; with `failed` it may tell as `begunAt` when that attempt was
 * begun, in milliseconds by the wallet's clock.
 *
 * @param {string} name the wallet's, for messages
 * @param {{ pay: Function, find?: Function, account?: string, records?: object, settlesOnce?: boolean, once?: boolean }} wallet
 *   `account`: what tells this wallet from others, of which only a digest is shown. `records`: see `records.js`. `once`: whether a
 *   request is sent once for certain. Where the runtime may have sent it again, a refusal may be the second one's, while the first
 *   is on its way: then the wallet's records are asked before it is believed
 */
export function withBooks(name, { pay, find, account, records, settlesOnce, once = true }) {
  /** What became of a refused request that was perhaps sent before, too. Where the lookup is refused as well, nothing tells more;
   *  where it can't be reached, it may still say something else. */
  async function confirm(refusal, hash, entry) {
    const found = await within(LOOKUP_TIMEOUT, (signal) => find(hash, signal)).catch((error) => {
      if (error instanceof Unproven) throw error;
      return { state: error instanceof Unreached || error.name === "TimeoutError" ? "unknown" : "not_found" };
    });
    if (found.state === "not_found" || found.state === "failed") return refusal;
    entry.known = found.state !== "unknown";
    if (found.state === "paid") return found;
    throw new Error(`${refusal.failed}; but it may have the payment on its way`);
  }

  return {
    ...(account !== undefined && { id: `${name}-${digest(account)}` }),
    ...(settlesOnce && { settlesOnce }),
    [RECORDS]: records,
    async pay(invoice, context) {
      const entry = {};
      try {
        const answer = await pay(invoice, context, entry);
        return answer.failed && !once ? await confirm(answer, invoice.paymentHash, entry) : answer;
      } catch (error) {
        if (error instanceof Unsent) return { failed: error.message, cause: error };
        const heard = entry.known ? "known" : entry.ended && "ended";
        if (heard && Object.isExtensible(error)) Object.defineProperty(error, RECORDS, { value: heard });
        throw error;
      }
    },
    ...(find && {
      async lookup(paymentHash) {
        if (!/^[0-9a-f]{64}$/i.test(paymentHash)) throw new TypeError("paymentHash must be 64 hex digits");
        return within(LOOKUP_TIMEOUT, (signal) => find(paymentHash.toLowerCase(), signal));
      },
    }),
  };
}

/** Nothing has reached the wallet, for certain. */
export class Unsent extends Error {}

/** There is no answer: nobody knows whether the wallet has had the request. */
export class Unreached extends Error {}

/** The wallet says that it has paid, and does not show with what. */
class Unproven extends Error {}

/** Resolves as the task does; rejects when the time is over, and then the signal fires. */
async function within(milliseconds, task) {
  const controller = new AbortController();
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const reason = new DOMException("the lookup took too long", "TimeoutError");
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

/** A preimage as lower-case hex, from hex or base64; undefined for anything else, and for the zeros that stand for none. */
export function preimageOf(value) {
  if (typeof value !== "string") return undefined;
  let hex = value.toLowerCase();
  if (/^[\w+/-]{43}=?$/.test(value)) {
    const bytes = atob(value.slice(0, 43).replaceAll("-", "+").replaceAll("_", "/"));
    hex = Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  }
  return /^[0-9a-f]{64}$/.test(hex) && !/^0+$/.test(hex) ? hex : undefined;
}

/** `{ preimage, feeMsat? }`; throws where the wallet says that it paid and does not show with what. */
export function proofOf(name, preimage, feeMsat) {
  const hex = preimageOf(preimage);
  if (!hex) throw new Unproven(`${name} says that it has paid, and shows no preimage`);
  const fee = msat(feeMsat);
  return fee === undefined ? { preimage: hex } : { preimage: hex, feeMsat: fee };
}

/** Whole millisatoshis, from a number or from text; undefined for anything else. */
export function msat(value) {
  const number = typeof value === "string" && /^\d+(msat)?$/.test(value) ? parseInt(value, 10) : value;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
