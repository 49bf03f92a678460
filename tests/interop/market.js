// A buyer with a real wallet for each case, and what lnd and the server behind aperture saw of it.

// what the test itself asks must not be paid for
const { fetch } = globalThis;
const plainFetch = (...args) => fetch(...args);

/**
 * `pay` is a paying fetch with the buyer's lnd: regtest, at most 100 sat a payment, every event kept. `t` brings where
 * everything is: `plain` and `mpp` are the two apertures, `desk` the network's, `node` the buyer's `{ url, macaroon }`.
 */
export async function openMarket(t, options = {}) {
  const desk = async (action, query = {}) => {
    const response = await plainFetch(`${t.desk}/${action}?${new URLSearchParams(query)}`);
    const answer = await response.json();
    if (!response.ok) throw new Error(`${action}: ${answer}`);
    return answer;
  };
  const begin = await desk("mark");
  const events = [];
  const sent = [];
  const market = {
    desk,
    events,
    /** The Authorization of each request that any client of this market sent, null where there was none. */
    sent,
    fetch: plainFetch,
    wallet: () => t.lnd(t.node),
    url: (path, base = t.plain) => `${base}/${path}`,
    types: () => events.map((event) => event.type),
    /** Another paying fetch with payments and tokens of its own, unless `more` gives it a store. */
    client: (more = {}) =>
      t.pkg.createFetch({
        wallet: market.wallet(),
        limits: { perPayment: 100 },
        networks: ["regtest"],
        fetch(input, init) {
          sent.push(new Headers(init?.headers ?? input.headers).get("authorization"));
          return plainFetch(input, init);
        },
        onEvent: (event) => events.push(event),
        ...more,
      }),
    /** What lnd's own records have since the case began; in flight, too. */
    books: () => desk("books", { after: begin.index }),
    flying: () => desk("flying", { after: begin.index }),
    landed: () => desk("landed", { after: begin.index }),
    /**
     * Asserts that lnd's own records have exactly these payments, in satoshis and in their order, and no fee. A
     * negative one is a payment that failed. `delivered` is how many requests the server behind must have got.
     */
    async counts(sats, delivered) {
      const books = await market.landed();
      t.same(
        books.map(({ state, amountMsat }) => (state === "SUCCEEDED" ? amountMsat : -amountMsat) / 1000),
        sats,
        "lnd's own records, sat",
      );
      t.equal(
        books.reduce((sum, { feeMsat }) => sum + feeMsat, 0),
        0,
        "fees, msat",
      );
      if (delivered !== undefined) t.equal((await market.delivered()).length, delivered, "requests that got through");
      return books;
    },
    /** What the server behind got since the case began. */
    delivered: () => desk("backend", { after: begin.requests }),
    /** A fresh 402 by hand: its header, and the L402 offer in it. */
    async offer(path, base = t.plain) {
      const header = (await plainFetch(`${base}/${path}`)).headers.get("www-authenticate");
      const challenges = await t.pkg.parseChallenges(header);
      return { header, ...challenges.find(({ offer }) => offer?.protocol === "l402").offer };
    },
    /** Asks aperture with this credential, by hand. */
    ask: (path, authorization, base = t.plain) =>
      plainFetch(`${base}/${path}`, { headers: authorization ? { authorization } : {} }),
  };
  market.pay = market.client(options);
  return market;
}

/** Options that let the seller sell, and freeze it before it is paid. */
export const freezing = (market) => ({
  async approve() {
    await market.desk("freeze", { node: "seller" });
    return true;
  },
});

/**
 * A `fetch` that answers each request without a credential with this 402, as a proxy may: aperture itself can't while
 * its node is frozen.
 */
export const replaying = (header) => async (input, init) =>
  new Headers(init?.headers ?? input.headers).has("authorization")
    ? plainFetch(input, init)
    : new Response("payment required", { status: 402, headers: { "www-authenticate": header } });

/** Asserts a bought answer of the server behind. */
export async function assertBought(t, response, path, paidNow = true) {
  t.equal(response.status, 200);
  const body = await response.json();
  t.equal(body.path, path, "the path that the server behind got");
  t.equal(t.pkg.receiptOf(response)?.paidNow, paidNow, "paidNow");
  return body;
}

/** Resolves with the first truthy value of `task`, asked again and again: for what only time brings. */
export async function eventually(what, task, timeout = 30_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await task();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not after ${timeout} ms`);
    await new Promise((done) => setTimeout(done, 200));
  }
}
