// The user's store and its locks, as the core asks for them.

/** workerd freezes the promises of a request that has ended, so its tasks may not wake those of another. */
export const isolated = typeof WebSocketPair !== "undefined";

// The core's name for the lock that is held for moments only.
const LEDGER_LOCK = "l402-fetch/ledger";
// Longer than a lock file or a lease of a dead process holds others up.
const STORE_TIMEOUT = 60_000;

/** The user's store, which may never answer: what was paid for must then still reach its caller, from memory. */
export function bounded(store) {
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
    /**
     * Resolves, once the lock is held, with the function that frees it. A purchase may take as long as a human does.
     */
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
