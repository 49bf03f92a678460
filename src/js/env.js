import { L402Error } from "./error.js";

// workerd: promises of a request that has ended freeze, so its tasks may not wake those of another.
const isolated = typeof WebSocketPair !== "undefined";

/**
 * What the core needs of the platform and of the user's objects. Whatever the user gave is called in here, so that the core
 * only ever sees promises and values of the right type.
 */
export function environment({ wallet, store, approve, now, onEvent }) {
  return {
    now() {
      let time;
      try {
        time = now();
      } catch {
        // A clock that fails must not let old sums or expired invoices pass: the system's own is better than none.
      }
      return Number.isFinite(time) && time >= 0 ? time : Date.now();
    },
    isolated,
    timer(milliseconds) {
      let id;
      const promise = new Promise((resolve) => (id = setTimeout(resolve, milliseconds)));
      return { promise, cancel: () => clearTimeout(id) };
    },
    aborted: (call) => !!call.signal?.aborted,
    discard(response) {
      try {
        Promise.resolve(response.body?.cancel?.()).catch(() => {});
      } catch {
        // A response of the user's own fetch may be of any make, and nobody reads this one.
      }
    },

    async pay(invoice, url, maxFeeMsat, timeout) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(new DOMException("the wallet took too long", "TimeoutError")), timeout);
      try {
        return await wallet.pay(invoice, { url, maxFeeMsat, signal: controller.signal });
      } finally {
        clearTimeout(timer);
      }
    },
    lookup: async (paymentHash) => wallet.lookup?.(paymentHash),

    asks: !!approve,
    approve: async (quote) => approve(quote),

    listens: !!onEvent,
    tell(event) {
      try {
        onEvent(event);
      } catch {
        // A listener can't stop a payment.
      }
    },

    stores: !!store,
    locks: !!store?.lock,
    async load(key) {
      const value = await store.get(key);
      if (value != null && typeof value !== "string") throw new TypeError("store.get must give a string, null or undefined");
      return value;
    },
    save: async (key, value) => store.set(key, value),
    /** Resolves, once the lock is held, with the function that frees it. */
    lock: (name) =>
      new Promise((resolve, reject) => {
        const held = async () => store.lock(name, () => new Promise((release) => resolve(release)));
        held().then(() => reject(new Error("store.lock ended without running its task")), reject);
      }),

    error: (code, message, response, payment, cause) =>
      new L402Error(code, message, { response, payment, ...(cause.length && { cause: cause[0] }) }),
  };
}
