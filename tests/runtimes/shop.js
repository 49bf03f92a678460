// A new shop at the paywall for each case, a wallet that pays there, and the requests that both saw.

// A case may replace the global fetch by a paying one. The test's own requests must not be paid for.
const { fetch } = globalThis;
// Browsers refuse to run fetch as a method of any object but the window.
const plainFetch = (...args) => fetch(...args);

let opened = 0;

/**
 * A shop under a name that no other case has, on the paywall's first origin. `pay` is a paying fetch of it made with
 * `options`: regtest, at most 100 sat a payment, a wallet that pays at once, every event kept.
 */
export function openShop(t, options = {}) {
  const id = `${t.runtime}-${Date.now().toString(36)}-${(opened++).toString(36)}-${Math.random().toString(36).slice(2)}`;
  // Through the second origin: browsers open few connections to one origin, and a case may hold all of them.
  const control = async (path, init) => {
    const response = await plainFetch(`${t.other}${path}`, init);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const events = [];
  const listeners = [];
  const asked = [];
  const shop = {
    id,
    events,
    /** The questions to the wallets of `wallet()`: `{ invoice, context }`. */
    asked,
    fetch: plainFetch,
    url: (path, settings = {}, base = t.base) => address(`${base}/shop/${id}/${path}`, settings),
    free: (path, settings = {}, base = t.base) => address(`${base}/free/${id}/${path}`, settings),
    path: (path) => `/shop/${id}/${path}`,
    /** A function that pays. `query` goes to the paywall, and says how well or badly it pays. */
    wallet:
      (query = "") =>
      async (invoice, context) => {
        asked.push({ invoice, context });
        return shop.settle(invoice.paymentRequest, query);
      },
    /** A wallet that makes invoices too, and tells what came in on them. */
    account: (query = "") => ({
      pay: shop.wallet(query),
      async makeInvoice({ amountMsat, description, expirySeconds }) {
        const terms = new URLSearchParams({ description, expiry: String(expirySeconds) });
        if (amountMsat === null) terms.set("amount", "none");
        else terms.set("msat", String(amountMsat));
        return (await control(`/wallet/${id}/invoice?${terms}`, { method: "POST" })).invoice;
      },
      received: async (hash) => (await control(`/wallet/${id}/received/${hash}`)).msat,
    }),
    /** The shop closes its sessions. */
    closeSessions: () => control(`/stats/${id}/close`, { method: "POST" }),
    settle: (paymentRequest, query = "") =>
      control(`/wallet/${id}/pay?${query}`, { method: "POST", body: paymentRequest }),
    lookup: async (hash) => (await plainFetch(`${t.other}/wallet/${id}/lookup/${hash}`)).json(),
    preimage: async (hash) => (await shop.lookup(hash)).preimage,
    stats: () => control(`/stats/${id}`),
    log: async () => (await shop.stats()).log,
    /** Resolves once this count is reached. */
    until: (count, number) => control(`/stats/${id}/wait?${count}=${number}`),
    release: () => control(`/stats/${id}/release`, { method: "POST" }),
    revoke: () => control(`/stats/${id}/revoke`, { method: "POST" }),
    types: () => events.map((event) => event.type),
    /** Resolves with the first event of this type, past ones included. */
    event: (type) =>
      new Promise((resolve) => {
        const found = events.find((event) => event.type === type);
        if (found) resolve(found);
        else listeners.push((event) => event.type === type && resolve(event));
      }),
    onEvent(event) {
      events.push(event);
      for (const listener of listeners) listener(event);
    },
    /** Another paying fetch with payments and tokens of its own, unless `more` gives it a store. */
    client: (more = {}) =>
      t.pkg.createFetch({
        wallet: shop.wallet(),
        limits: { perPayment: 100 },
        networks: ["regtest"],
        onEvent: shop.onEvent,
        ...more,
      }),
    /** Asserts counts of the paywall; `payments` is never left out. */
    async counts(expected) {
      if (!("payments" in expected)) throw new Error("say how many payments there must be");
      const stats = await shop.stats();
      t.same(
        Object.fromEntries(Object.keys(expected).map((key) => [key, stats[key]])),
        expected,
        "the paywall's counts",
      );
      return stats;
    },
    /** The Authorization of every request to the shop, null if there was none. */
    authorizations: async () => (await shop.log()).map((entry) => entry.authorization),
  };
  shop.pay = shop.client(options);
  return shop;
}

function address(url, settings) {
  const query = new URLSearchParams(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  return query.size === 0 ? url : `${url}?${query}`;
}

/** The global fetch, and a promise that resolves when the client has had this number of responses. */
export function watchedFetch(number) {
  const { promise: answered, resolve } = deferred();
  const watched = {
    answered,
    /** The responses so far. */
    responses: 0,
    async fetch(...args) {
      const response = await plainFetch(...args);
      if (++watched.responses === number) resolve();
      return response;
    },
  };
  return watched;
}

/** A promise and the functions that settle it. */
export function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}

/** Whether the runtime is a page. Pages see less: browsers hide headers and have a cache. */
export const isBrowser = (t) => ["chromium", "firefox", "webkit"].includes(t.runtime);

/**
 * Moves the clock that is never set, for a case that runs alone. So the lease of an order that is still out has lapsed
 * for whoever has seen it before. Gives the function that moves it back.
 */
export function moveClock(milliseconds) {
  const real = performance.now;
  const own = Object.getOwnPropertyDescriptor(performance, "now");
  Object.defineProperty(performance, "now", { configurable: true, value: () => real.call(performance) + milliseconds });
  return () => {
    if (own) Object.defineProperty(performance, "now", own);
    else delete performance.now;
  };
}

/** Longer than a lease lasts. */
export const LAPSE = 170_000;

/** A store of a user's own, in a Map. */
export function mapStore() {
  const map = new Map();
  return {
    map,
    async read(keys) {
      return keys.map((key) => map.get(key) ?? null);
    },
    async write(changes, seen) {
      if (Object.entries(seen).some(([key, value]) => (map.get(key) ?? null) !== value)) return false;
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) map.delete(key);
        else map.set(key, value);
      }
      return true;
    },
    async list(prefix, { after, limit, reverse }) {
      const rows = [...map].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
      if (reverse) rows.reverse();
      return rows.filter(([key]) => after === undefined || (reverse ? key < after : key > after)).slice(0, limit);
    },
  };
}

/** Asserts that the error holds the 402 as it came, its body unread. */
export async function assertUnread(t, error) {
  t.equal(error.response?.status, 402, "error.response.status");
  t.equal(error.response.bodyUsed, false, "error.response.bodyUsed");
  t.equal(await error.response.text(), "payment required\n", "the 402's body");
}

/** Asserts a refusal: nothing was paid, asked or written, and the listener was told. */
export async function assertRefused(t, shop, error, code) {
  t.equal(error.code, code, "code");
  t.ok(error instanceof t.pkg.L402Error, "an L402Error");
  t.equal("payment" in error, false, "error.payment");
  t.equal(error.moneyMoved, "no", "error.moneyMoved");
  await assertUnread(t, error);
  t.equal(shop.asked.length, 0, "times the wallet was asked");
  t.same(await shop.pay.payments(), [], "payments()");
  t.same(await shop.pay.spent(), { hour: 0, day: 0, total: 0 }, "spent()");
  const last = shop.events.at(-1);
  t.equal(last.type, "refused");
  t.equal(last.code, code, "the event's code");
  t.equal(last.message, error.message, "the event's message");
}
