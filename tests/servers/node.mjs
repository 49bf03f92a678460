// A Lightning node that only pretends to have channels. It speaks as much of each node's HTTP as the servers' own
// clients use. Its invoices are real ones of the paywall's mint, and so are the counts of what was paid.
import { createServer } from "node:http";
import { bodyOf, listen } from "../support/listen.mjs";

/** Seconds: an invoice outlives what a test moves its clocks by. */
const EXPIRY = 7 * 24 * 60 * 60;

/**
 * What each node is asked for an invoice, by method and path, how many msat that is, and what it answers. `hash` is in
 * hex.
 */
const DIALECTS = {
  "POST /createinvoice": {
    // eclair says amountMsat, phoenixd amountSat
    msat: ({ amountMsat, amountSat }) => amountMsat ?? amountSat * 1000,
    says: ({ hash, invoice }) => ({ paymentHash: hash, serialized: invoice }),
  },
  "POST /v1/invoices": {
    // lnd
    msat: ({ value }) => value * 1000,
    says: ({ hash, invoice }) => ({ r_hash: Buffer.from(hash, "hex").toString("base64"), payment_request: invoice }),
  },
  "POST /api/v1/payments": {
    // LNbits
    msat: ({ amount }) => amount * 1000,
    says: ({ hash, invoice }) => ({ payment_hash: hash, payment_request: invoice }),
  },
  "POST /invoice/create": {
    // aipp.dev, which stands before the node of its customers
    msat: ({ amount_sats: sats }) => sats * 1000,
    says: ({ hash, invoice }) => ({ payment_hash: hash, payment_request: invoice }),
  },
};

const json = async (response) => {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return response.json();
};

/**
 * Starts the node over the paywall at this URL. Resolves with its `url`, with `wallet(name)`, which pays its invoices
 * (and those of no other mint), with `payments(name)`, which says how many that wallet has paid, and with a `close()`.
 */
export async function openNode(paywall) {
  const invoices = new Map();
  async function mint(msat) {
    const made = await fetch(`${paywall}/invoice?msat=${msat}&expiry=${EXPIRY}`).then(json);
    invoices.set(made.paymentHash, { payment_request: made.invoice, settled: false });
    return { invoice: made.invoice, hash: made.paymentHash };
  }
  async function say(call, type, body) {
    // eclair's client asks whether it is there
    if (call === "POST /getinfo") return {};
    const [, looked] = /^GET \/v1\/invoice\/(\w+)$/.exec(call) ?? [];
    if (looked) return invoices.get(looked);
    const dialect = DIALECTS[call];
    if (!dialect) return undefined;
    const asked = type?.includes("form") ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body);
    return dialect.says(await mint(dialect.msat(asked)));
  }
  const server = createServer(async (request, response) => {
    try {
      const body = await bodyOf(request);
      const answer = await say(`${request.method} ${request.url}`, request.headers["content-type"], body);
      response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? { error: `no such call: ${request.method} ${request.url}` }));
    } catch (error) {
      response.writeHead(500).end(String(error.stack));
    }
  });
  const { url, close } = await listen(server);
  return {
    url,
    wallet:
      (name) =>
      async ({ paymentRequest, paymentHash }) => {
        const paid = await fetch(`${paywall}/wallet/${name}/pay`, { method: "POST", body: paymentRequest }).then(json);
        invoices.get(paymentHash).settled = true;
        return paid;
      },
    payments: async (name) => (await json(await fetch(`${paywall}/stats/${name}?log=0`))).payments,
    close,
  };
}
