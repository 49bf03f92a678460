// Nostr Wallet Connect (NIP-47): a relay, and a wallet service over an lnd that speaks through it.
import { randomBytes } from "node:crypto";
import { NWCClient, NWCWalletService, NWCWalletServiceKeyPair } from "@getalby/sdk/nwc";
import { EventRepository, EventType, EventUtils } from "@nostr-relay/common";
import { NostrRelay } from "@nostr-relay/core";
import { Validator } from "@nostr-relay/validator";
import WebSocket, { WebSocketServer } from "ws";
import { linesOf, openLnd } from "./lnd.mjs";

// Node 20 has none
globalThis.WebSocket ??= WebSocket;
// the SDK's service tells the console each step, and each connection that a test cuts
const TOLD =
  /^(relay disconnected|failed to connect to relay|error subscribing to requests|Failed to parse decrypted event content)/;
const { error: complain } = console;
console.info = () => {};
console.error = (...said) => TOLD.test(said[0]) || complain(...said);

/**
 * What a relay keeps: the newest of each replaceable event, in memory. Requests and replies are ephemeral, and only
 * passed on.
 */
class Kept extends EventRepository {
  #events = new Map();
  isSearchSupported() {
    return false;
  }
  upsert(event) {
    const key = EventUtils.getType(event.kind) === EventType.REPLACEABLE ? `${event.kind} ${event.pubkey}` : event.id;
    const isDuplicate = this.#events.get(key)?.id === event.id;
    this.#events.set(key, event);
    return { isDuplicate };
  }
  find(filter) {
    return [...this.#events.values()].filter((event) => EventUtils.isMatchingFilter(event, filter));
  }
  async destroy() {}
}

/**
 * Starts a relay on loopback. While `mute` of what it resolves with is true it acknowledges no event, though it passes
 * them on; `drop()` cuts all connections.
 */
export async function startRelay() {
  const relay = new NostrRelay(new Kept(), {
    logger: { setLogLevel() {}, debug() {}, info() {}, warn() {}, error: console.error },
  });
  const validator = new Validator();
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const self = {
    mute: false,
    drop() {
      for (const client of server.clients) client.terminate();
    },
    async stop() {
      self.drop();
      await new Promise((done) => server.close(done));
    },
  };
  server.on("connection", (socket) => {
    const client = {
      get readyState() {
        return socket.readyState;
      },
      send: (text) => (self.mute && text.startsWith('["OK"')) || socket.send(text),
    };
    relay.handleConnection(client);
    socket.on("close", () => relay.handleDisconnect(client));
    socket.on("message", async (data) => {
      try {
        await relay.handleMessage(client, await validator.validateIncomingMessage(data));
      } catch (error) {
        socket.send(JSON.stringify(["NOTICE", error.message]));
      }
    });
  });
  await new Promise((done) => server.once("listening", done));
  self.url = `ws://127.0.0.1:${server.address().port}`;
  return self;
}

const ALL = ["get_info", "get_balance", "pay_invoice", "lookup_invoice", "make_invoice"];

const newSecret = () => randomBytes(32).toString("hex");

/**
 * Starts a wallet service that pays from an lnd, as `openLnd` takes it. `connect` makes a connection for one app: `may`
 * are its methods, `budgetMsat` what it may spend. `answers` has what each payment was answered, oldest first.
 */
export async function startService(relay, lnd) {
  const service = new NWCWalletService({ relayUrl: relay.url });
  const walletSecret = newSecret();
  const ends = [];
  const answers = [];
  await service.publishWalletServiceInfoEvent(walletSecret, ALL, []);
  return {
    answers,
    async connect({ may = ALL, budgetMsat = Infinity } = {}) {
      const secret = newSecret();
      const keys = new NWCWalletServiceKeyPair(
        walletSecret,
        new NWCClient({ secret, relayUrls: [relay.url], walletPubkey: "" }).publicKey,
      );
      ends.push(await service.subscribe(keys, handlers(lnd, { may, budgetMsat, answers })));
      return `nostr+walletconnect://${keys.walletPubkey}?relay=${encodeURIComponent(relay.url)}&secret=${secret}`;
    },
    stop() {
      for (const end of ends) end();
      service.close();
    },
  };
}

/** A connection to the same service with a key that it has never heard of: it answers nothing. */
export function strangersConnection(connection) {
  const url = new URL(connection);
  url.searchParams.set("secret", newSecret());
  return String(url);
}

const result = (value) => ({ result: value, error: undefined });
const error = (code, message) => ({ result: undefined, error: { code, message } });

/** What the service answers. It says what lnd tells it, with no care of its own: there are such services. */
function handlers(lnd, { may, budgetMsat, answers }) {
  let left = budgetMsat;
  const guarded = (method, handler) => async (request) =>
    may.includes(method) ? handler(request) : error("RESTRICTED", `this connection may not ${method}`);

  /** The first line of an answer, which may be a stream; null where it was no 200. */
  async function ask(path, init) {
    const answer = await openLnd(lnd, path, init);
    for await (const line of linesOf(answer)) return answer.statusCode === 200 ? (line.result ?? line) : null;
    return null;
  }

  async function pay({ invoice }) {
    const { num_msat } = await ask(`/v1/payreq/${invoice}`);
    if (Number(num_msat) > left) return error("QUOTA_EXCEEDED", "the budget of this connection is used up");
    const order = { payment_request: invoice, timeout_seconds: 60, fee_limit_msat: "10000", no_inflight_updates: true };
    const payment = await ask("/v2/router/send", { method: "POST", body: JSON.stringify(order) });
    if (payment?.status === "SUCCEEDED") {
      left -= Number(payment.value_msat) + Number(payment.fee_msat);
      return result({ preimage: payment.payment_preimage, fees_paid: Number(payment.fee_msat) });
    }
    const isPoor = payment?.failure_reason === "FAILURE_REASON_INSUFFICIENT_BALANCE";
    return error(isPoor ? "INSUFFICIENT_BALANCE" : "PAYMENT_FAILED", payment?.failure_reason ?? "the node refused");
  }

  async function lookup({ payment_hash }) {
    // lnd wants the padding, which base64url leaves out
    const payment = await ask(`/v2/router/track/${Buffer.from(payment_hash, "hex").toString("base64url")}=`);
    if (!payment) return lookupOwn(payment_hash);
    return result({
      type: "outgoing",
      state: { SUCCEEDED: "settled", FAILED: "failed" }[payment.status] ?? "pending",
      invoice: payment.payment_request,
      payment_hash,
      preimage: payment.payment_preimage,
      amount: Number(payment.value_msat),
      fees_paid: Number(payment.fee_msat),
      created_at: Number(payment.creation_date),
    });
  }

  async function lookupOwn(payment_hash) {
    const invoice = await ask(`/v1/invoice/${payment_hash}`);
    if (!invoice) return error("NOT_FOUND", "no such payment");
    const isSettled = invoice.state === "SETTLED";
    return result({
      type: "incoming",
      state: isSettled ? "settled" : "pending",
      invoice: invoice.payment_request,
      payment_hash,
      preimage: Buffer.from(invoice.r_preimage, "base64").toString("hex"),
      amount: Number(isSettled ? invoice.amt_paid_msat : invoice.value_msat),
      created_at: Number(invoice.creation_date),
    });
  }

  async function make({ amount, description, expiry }) {
    const order = { value_msat: String(amount), memo: description, expiry: String(expiry) };
    const made = await ask("/v1/invoices", { method: "POST", body: JSON.stringify(order) });
    if (!made) return error("INTERNAL", "the node refused");
    return result({ type: "incoming", state: "pending", invoice: made.payment_request, amount });
  }

  return {
    getInfo: guarded("get_info", async () => result({ alias: "interop", network: "regtest", methods: may })),
    getBalance: guarded("get_balance", async () =>
      result({ balance: Number((await ask("/v1/balance/channels")).local_balance.msat) }),
    ),
    async payInvoice(request) {
      const answer = await guarded("pay_invoice", pay)(request);
      answers.push(answer.error?.code ?? "paid");
      return answer;
    },
    lookupInvoice: guarded("lookup_invoice", lookup),
    makeInvoice: guarded("make_invoice", make),
  };
}
