// One that buys, wherever it runs: it does jobs of JSON on stores that `open` opens, and says what came of them.
import { createFetch, receiptOf } from "l402-fetch";
import { moveClock } from "../runtimes/shop.js";

// what the package's fetch is made of must not be ours
const { fetch } = globalThis;
const plainFetch = (...args) => fetch(...args);
const never = () => new Promise(() => {});

/**
 * `open(place, options)` opens a store. A job's `client` names place, shop and options of a paying fetch, which is kept
 * for the jobs to come.
 */
export function actor(open) {
  const clients = new Map();

  function clientOf(given) {
    const key = JSON.stringify(given);
    if (!clients.has(key)) clients.set(key, makeClient(given));
    return clients.get(key);
  }

  async function makeClient({ place, shop, hub, wallet = {}, cached, decides = true, ...options }) {
    const { other, id } = shop;
    const signal = (name) => plainFetch(`${hub}/signal/${encodeURIComponent(`${id} ${name}`)}`, { method: "POST" });
    async function pay({ paymentRequest }) {
      if (wallet.until === "asked") await signal("asked").then(never);
      const url = `${other}/wallet/${id}/pay?${wallet.query ?? ""}`;
      const response = await plainFetch(url, { method: "POST", body: paymentRequest });
      const answer = await response.json();
      if (wallet.until === "paid") await signal("paid").then(never);
      return answer;
    }
    const lookup = async (hash) => (await plainFetch(`${other}/wallet/${id}/lookup/${hash}`)).json();
    const store = await open(place, { cached });
    const fetch = createFetch({
      networks: ["regtest"],
      limits: { perPayment: 100 },
      store,
      wallet: {
        pay,
        ...(wallet.lookup !== false && { lookup }),
        ...(wallet.id && { id: wallet.id }),
        ...(wallet.settlesOnce && { settlesOnce: true }),
      },
      ...(!decides && { approve: () => signal("approve").then(never) }),
      ...options,
    });
    return { fetch, store };
  }

  const jobs = {
    async buy({ fetch }, url) {
      const response = await fetch(url);
      await response.arrayBuffer();
      const { payment, paidNow } = receiptOf(response) ?? {};
      return { status: response.status, paidNow, paymentHash: payment?.paymentHash };
    },
    payments: ({ fetch }, filter) => fetch.payments(filter),
    spent: ({ fetch }, origin) => fetch.spent(origin ?? undefined),
    forget: ({ fetch }) => fetch.forget(),
    resolve: ({ fetch }, hash, outcome) => fetch.resolve(hash, outcome),
    read: ({ store }, keys) => store.read(keys),
    write: ({ store }, changes, seen) => store.write(changes, seen),
    list: ({ store }, prefix) => store.list(prefix, { limit: 1000 }),
    /** The clock that is never set goes on by so much. */
    pass: async (_, milliseconds) => void moveClock(milliseconds),
  };

  /** `{ result }` or `{ error }`. */
  return async ({ job, client, args }) => {
    try {
      return { result: (await jobs[job](client && (await clientOf(client)), ...args)) ?? null };
    } catch (error) {
      return { error: { code: error.code ?? null, text: String(error), state: error.payment?.state ?? null } };
    }
  };
}
