// What a test in any runtime asks and tells the network, over HTTP: the books, what the backend got, and who is frozen.
import { createServer } from "node:http";
import { listen } from "../support/listen.mjs";
import { until } from "./daemon.mjs";

/** What the seller needs to pay refunds, msat. */
const REFUNDABLE = 30_000_000;

/**
 * `GET /ACTION?ARGUMENT=…` answers JSON, from any origin; 500 with the reason where it failed. `more` are other
 * actions. Resolves with the `url` and `stop()`.
 */
export async function openDesk(network, backend, more = {}) {
  const { buyer, seller } = network;
  const pending = async (node) =>
    (await node.rest("GET", "/v1/channels")).channels.flatMap((channel) => channel.pending_htlcs).length;
  /** How often the buyer wrote that it sent or received a message of the channel, from this line of its log on. */
  const told = (message, from = 0) =>
    buyer.daemon.lines.slice(from).filter((line) => line.includes(`): ${message}(`)).length;
  const open = (payments) => payments.filter(({ state }) => state === "IN_FLIGHT");
  const actions = {
    /** The index of the last payment in lnd's records, and how many requests the backend has got. */
    mark: async () => ({ index: await buyer.lastPayment(), requests: backend.requests.length }),
    /** The payments after this index. */
    books: ({ after }) => buyer.payments(Number(after)),
    balance: async () => ({ msat: await buyer.balanceMsat() }),
    /** A macaroon of the buyer's for these methods alone, hex. */
    bake: async ({ uris }) => {
      const permissions = uris.split(",").map((action) => ({ entity: "uri", action }));
      return (await buyer.rest("POST", "/v1/macaroon", { permissions })).macaroon;
    },
    /** Has the buyer pay, as by hand; `wait: "no"` does not wait for the end. */
    pay: async ({ invoice, wait }) => {
      const end = buyer.rest("POST", "/v2/router/send", {
        payment_request: invoice,
        timeout_seconds: 60,
        no_inflight_updates: true,
      });
      if (wait !== "no") await end;
      else end.catch(() => {});
    },
    /** Gives the seller what it can pay refunds with: at first all is on the buyer's side, and there is a reserve. */
    async stock() {
      if ((await seller.balanceMsat()) >= REFUNDABLE / 2) return;
      const { payment_request } = await seller.rest("POST", "/v1/invoices", { value_msat: REFUNDABLE });
      await actions.pay({ invoice: payment_request });
    },
    /** Has the seller pay an invoice of the buyer's, of so much if it names no amount. */
    async refund({ invoice, msat }) {
      await actions.stock();
      const order = { payment_request: invoice, timeout_seconds: 60, no_inflight_updates: true };
      const { result } = await seller.rest("POST", "/v2/router/send", { ...order, ...(msat && { amt_msat: msat }) });
      if (result.status !== "SUCCEEDED") throw new Error(`the seller's payment: ${result.failure_reason}`);
    },
    /** An invoice of the seller's. */
    invoice: async ({ sat, expiry }) =>
      (await seller.rest("POST", "/v1/invoices", { value: sat, expiry })).payment_request,
    /** Resolves once a payment after this index is in flight. */
    flying: ({ after }) => until("a payment in flight", async () => open(await buyer.payments(Number(after))).at(0)),
    /** Resolves once no payment after this index is in flight. */
    landed: ({ after }) =>
      until("an end of all payments", async () => {
        const payments = await buyer.payments(Number(after));
        return open(payments).length === 0 && payments;
      }),
    /** Resolves with the length of the buyer's log, once neither node owes the other a message about the channel. */
    quiet: () =>
      until("the channel to be quiet", async () => {
        const { length } = buyer.daemon.lines;
        return (
          (await pending(buyer)) + (await pending(seller)) === 0 &&
          told("Sending CommitSig") === told("Received RevokeAndAck") &&
          told("Received CommitSig") === told("Sending RevokeAndAck") && { length }
        );
      }),
    /**
     * Resolves once the buyer has committed itself to a payment, after this line of its log: what is lost before, lnd
     * believes to be in flight for ever.
     */
    committed: ({ after }) =>
      until("a commitment", () => {
        const add = buyer.daemon.lines.findIndex(
          (line, index) => index >= Number(after) && line.includes("): Sending UpdateAddHTLC("),
        );
        return add >= 0 && told("Sending CommitSig", add) > 0;
      }),
    backend: ({ after }) => backend.requests.slice(Number(after)),
    freeze: ({ node }) => network[node].freeze(),
    thaw: ({ node }) => network[node].thaw(),
    stop: ({ node }) => network[node].stop(),
    /** Starts it unless it runs, and resolves once payments can go through. */
    start: async ({ node }) => {
      if (!network[node].daemon.isRunning) await network[node].start();
      await network.ready();
    },
    ...more,
  };
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("content-type", "application/json");
    response.setHeader("cache-control", "no-store");
    try {
      const action = actions[pathname.slice(1)];
      if (!action) throw new Error(`the desk knows no ${pathname}`);
      response.end(JSON.stringify((await action(Object.fromEntries(searchParams))) ?? null));
    } catch (error) {
      response.statusCode = 500;
      response.end(JSON.stringify(error.message));
    }
  });
  const { url, close } = await listen(server);
  return { url, stop: close };
}
