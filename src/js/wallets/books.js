// What a wallet's books may be believed to say of a payment. Each wallet module brings `pay` and `find`; this decides what
// "never heard of it" is worth. Not part of the public surface.

// Below the core's own 10 s: a lookup that blocks has found a payment that is not over.
const LOOKUP_TIMEOUT = 8_000;
// How many payments are remembered to be known.
const MEMORY = 1_000;
// A request whose connection broke may be carried out a moment after a lookup that overtook it.
const SECOND_LOOK = 2_000;

/**
 * `pay` and `lookup` of a Wallet.
 *
 * `pay(invoice, context, entry)` answers as `PayFunction` does, or throws where the outcome is unknown. It sets `entry.known`
 * once the wallet has said that it has the payment, and `entry.ended` once the wallet is done with the request, however badly.
 *
 * `find(paymentHash, signal, isOver)` resolves to what `Wallet.lookup` does, or to `{ state: "none" }` where the wallet's own books do not
 * have the payment. `isOver` says that `pay` is known to have ended.
 *
 * @param {string} name the wallet's, for messages
 * @param {{ pay: Function, find?: Function, late?: number, once?: boolean }} wallet `late`: for how many milliseconds a request
 *   whose answer was lost may still start a payment, or go on with one that its books already call failed. `once`: whether a
 *   request is sent once for certain. Where the runtime may have sent it again, a refusal may be the second one's, while the first
 *   is on its way: then the books are asked before it is believed
 */
export function withBooks(name, { pay, find, late = 0, once = true }) {
  // What the wallet has once said to know, what it has ended, and until when each lost request may still be carried out.
  const known = new Set();
  const over = new Set();
  const lost = new Map();
  const busy = new Set();

  function remember(set, hash) {
    set.add(hash);
    if (set.size > MEMORY) set.delete(set.values().next().value);
  }

  async function look(hash, signal, first) {
    const found = await find(hash, signal, over.has(hash));
    const { state } = found;
    if (state === "paid" || state === "pending") {
      remember(known, hash);
      return found;
    }
    if (busy.has(hash) || Date.now() < lost.get(hash)) return { state: "pending" };
    lost.delete(hash);
    if (state === "none") {
      if (known.has(hash)) throw new Error(`${name} does not know a payment any more that it had: nobody can tell what became of it`);
      if (first) {
        await clock.pause(SECOND_LOOK, signal);
        return look(hash, signal, false);
      }
    }
    return { state: "failed" };
  }

  /** What became of a refused request that was perhaps sent before, too. Where the books are refused as well, nothing tells more;
   *  where they can't be reached, they may still say something else. */
  async function confirm(refusal, hash, entry) {
    const found = await within(LOOKUP_TIMEOUT, (signal) => find(hash, signal, true), { state: "unknown" }).catch((error) => {
      if (error instanceof Unproven) throw error;
      return { state: error instanceof Unreached ? "unknown" : "none" };
    });
    if (found.state === "none" || found.state === "failed") return refusal;
    entry.known = found.state !== "unknown";
    if (found.state === "paid") return found;
    throw new Error(`${refusal.failed}; but it may have the payment on its way`);
  }

  return {
    async pay(invoice, context) {
      const hash = invoice.paymentHash;
      const entry = {};
      busy.add(hash);
      over.delete(hash);
      try {
        const answer = await pay(invoice, context, entry);
        return answer.failed && !once ? await confirm(answer, hash, entry) : answer;
      } catch (error) {
        if (error instanceof Unsent) return { failed: error.message, cause: error };
        if (entry.ended) remember(over, hash);
        else if (late) lost.set(hash, Date.now() + late);
        throw error;
      } finally {
        busy.delete(hash);
        if (entry.known) remember(known, hash);
      }
    },
    ...(find && {
      async lookup(paymentHash) {
        if (!/^[0-9a-f]{64}$/i.test(paymentHash)) throw new TypeError("paymentHash must be 64 hex digits");
        return within(LOOKUP_TIMEOUT, (signal) => look(paymentHash.toLowerCase(), signal, true), { state: "pending" });
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

/** Resolves as the task does, or with `otherwise` when the time is over; then the signal fires. */
async function within(milliseconds, task, otherwise) {
  const controller = new AbortController();
  let timer;
  const over = new Promise((resolve) => {
    timer = setTimeout(() => {
      resolve(otherwise);
      controller.abort(new DOMException("the lookup took too long", "TimeoutError"));
    }, milliseconds);
  });
  try {
    return await Promise.race([task(controller.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}

/** How a lookup waits; tests, whose time is their own, put something else in its place. */
export const clock = {
  pause: (milliseconds, signal) => new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  }),
};

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
