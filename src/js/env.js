import { L402Error } from "./error.js";
import { readWallet } from "./wallet.js";

// workerd: promises of a request that has ended freeze, so its tasks may not wake those of another.
const isolated = typeof WebSocketPair !== "undefined";
// Pages and their workers: there an Authorization to another origin makes a preflight, which the server may refuse.
const isPage = typeof document === "object" || (typeof importScripts === "function" && !isolated);

// The core's name for the lock that is held for moments only.
const LEDGER_LOCK = "l402-fetch/ledger";
// Longer than a lock file or a lease of a dead process holds others up.
const STORE_TIMEOUT = 60_000;
// How often a signal is looked at that can't be listened to.
const LOOK_AGAIN = 1_000;

/**
 * What the core needs of the platform and of the user's objects. Whatever the user gave is called in here, so that the core
 * only ever sees promises and values of the right type.
 */
export function environment({ wallet: given, method, store, approve, now, onEvent, onUnknown, run }) {
  const wallet = readWallet(given, method);

  function time() {
    let found;
    try {
      found = now();
    } catch {
      // A clock that fails must not let old sums or expired invoices pass: the system's own is better than none.
    }
    return Number.isFinite(found) && found >= 0 && found <= Number.MAX_SAFE_INTEGER ? found : Date.now();
  }

  return {
    /** What is there, as bits; the core knows them by the same names. */
    traits:
      isolated |
      (!!wallet.lookup << 1) |
      (!!approve << 2) |
      (!!onEvent << 3) |
      (!!store << 4) |
      (!!store?.lock << 5) |
      (!!onUnknown << 6),
    /** What is known of the wallet, as JSON text. */
    about: JSON.stringify(wallet.about),
    now: time,
    timer(milliseconds) {
      let id;
      let end;
      const promise = new Promise((resolve) => (id = setTimeout((end = resolve), milliseconds)));
      // Settled as well, since the core holds on to what waits for a promise until it is.
      return { promise, cancel: () => (clearTimeout(id), end()) };
    },
    /**
     * Gives a function that has the core go on with a task, soon, and in the async context in which this is called: in it a runtime
     * runs what waits for a promise, whoever settles that.
     */
    continuation(task) {
      let goOn;
      const wait = () =>
        new Promise((resolve) => (goOn = resolve)).then(() => {
          wait();
          run(task);
        });
      wait();
      return () => goOn();
    },
    /** A call as it is before it is sent: flags as one digit, URL, method, with a space between them. */
    head: (call) =>
      `${call.replayable | (call.authorized << 1) | (call.payable << 2)} ${call.url ?? ""} ${call.method}`,
    send: async (call, authorization, repeat) => call.sent(authorization, repeat),
    aborted: (call) => !!call.signal?.aborted,
    isPage,
    /** Whether a request that failed so may have had its preflight refused. */
    preflighted: (call, cause) =>
      isPage && cause?.name === "TypeError" && !call.url.startsWith(`${globalThis.location?.origin}/`),
    givesUp({ signal }) {
      let end;
      const promise = new Promise((resolve) => (end = resolve));
      // Where another request may have brought the signal, its event is not ours to wait for.
      const id = isolated && setInterval(() => signal?.aborted && end(), LOOK_AGAIN);
      if (!isolated) signal?.addEventListener("abort", end);
      return {
        promise,
        cancel: () => (isolated ? clearInterval(id) : signal?.removeEventListener("abort", end), end()),
      };
    },
    /** Whether it reads like a Response: what a fetch of the user's own returned may be anything. */
    readable(response) {
      try {
        const challenge = response.headers.get("www-authenticate") ?? "";
        return typeof challenge === "string" && typeof response.url === "string" && typeof response.status === "number";
      } catch {
        return false;
      }
    },
    discard(response) {
      try {
        const { body } = response;
        // A stream of Node's, as node-fetch has it, is destroyed.
        Promise.resolve((body?.cancel ?? body?.destroy)?.call(body)).catch(() => {});
      } catch {
        // A response of the user's own fetch may be of any make, and nobody reads this one.
      }
    },

    async pay(invoice, url, maxFeeMsat, timeout) {
      const deadline = performance.now() + timeout;
      let controller;
      let timer;
      const context = {
        url,
        maxFeeMsat,
        // Made when the wallet asks for it: few do, and it costs more than all else here.
        get signal() {
          if (!controller) {
            controller = new AbortController();
            const abort = () => controller.abort(new DOMException("the wallet took too long", "TimeoutError"));
            const left = deadline - performance.now();
            // The clock of a browser is coarse, and the flow's own timer may have fired by another.
            if (left > 2) timer = setTimeout(abort, left);
            else abort();
          }
          return controller.signal;
        },
      };
      try {
        return await wallet.pay(JSON.parse(invoice), context);
      } finally {
        clearTimeout(timer);
      }
    },
    lookup: async (paymentHash) => wallet.lookup?.(paymentHash),

    balanceMsat: async () => (await wallet.balanceMsat?.()) ?? null,

    approve(quote, maxFeeMsat, remaining) {
      const controller = new AbortController();
      let answered = false;
      const context = { signal: controller.signal, maxFeeMsat, remaining: JSON.parse(remaining) };
      const promise = (async () => approve(JSON.parse(quote), context))().finally(() => (answered = true));
      return { promise, cancel: () => answered || controller.abort() };
    },
    unknown: async (payment, error) => onUnknown(JSON.parse(payment), error),
    /** A listener can't stop a payment, nor the process. */
    tell: (event) => void (async () => onEvent(JSON.parse(event)))().catch(() => {}),

    ...bounded(store),

    error: (code, message, response, payment, quote, cause) =>
      new L402Error(code, message, {
        response,
        payment: payment && JSON.parse(payment),
        quote: quote && JSON.parse(quote),
        ...(cause.length && { cause: cause[0] }),
      }),
  };
}

/** The user's store, which may never answer: what was paid for must then still reach its caller, from memory. */
function bounded(store) {
  // A write that comes late must not overtake one that was made after it, nor outlive the lock it was made under. Where
  // promises can freeze nobody may wait for another's.
  let writing = Promise.resolve();

  return {
    async load(key) {
      const value = await inTime("get", async () => store.get(key));
      if (value != null && typeof value !== "string")
        throw new TypeError("store.get must give a string, null or undefined");
      return value;
    },
    save(key, value) {
      const write = (isolated ? Promise.resolve() : writing).then(() => store.set(key, value));
      writing = write.catch(() => {});
      return inTime("set", () => write);
    },
    /** Resolves, once the lock is held, with the function that frees it. A purchase may take as long as a human does. */
    lock(name) {
      let gone = false;
      const taken = () =>
        new Promise((resolve, reject) => {
          const task = () =>
            new Promise((free) => {
              const release = () => (isolated ? free() : writing.then(free));
              if (gone) release();
              else resolve(release);
            });
          (async () => store.lock(name, task))().then(
            () => reject(new Error("store.lock ended without running its task")),
            reject,
          );
        });
      return name === LEDGER_LOCK ? inTime("lock", taken, () => (gone = true)) : taken();
    },
    /** Gives up a lock that is still waited for. */
    unlock: (lock) =>
      void lock.then(
        (free) => free(),
        () => {},
      ),
  };
}

async function inTime(method, task, giveUp = () => {}) {
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => {
      giveUp();
      reject(new DOMException(`store.${method} did not answer within ${STORE_TIMEOUT / 1000} s`, "TimeoutError"));
    }, STORE_TIMEOUT);
  });
  try {
    return await Promise.race([task(), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
