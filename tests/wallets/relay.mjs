// The part of a nostr relay (NIP-01) that a wallet and its client need, and the SDK's own wallet service on it.
import { NWCWalletService, NWCWalletServiceKeyPair } from "@getalby/sdk/nwc";
import { getPublicKey } from "nostr-tools";
import { WebSocketServer } from "ws";

const WALLET = "1".repeat(64);
/** The secret that the connection string holds. */
export const CLIENT = "2".repeat(64);

const matches = (event, filter) =>
  Object.entries(filter).every(([key, wanted]) => {
    if (key === "kinds") return wanted.includes(event.kind);
    if (key === "authors") return wanted.includes(event.pubkey);
    if (key === "ids") return wanted.includes(event.id);
    if (key.startsWith("#")) return event.tags.some(([name, value]) => name === key.slice(1) && wanted.includes(value));
    return true;
  });

/**
 * A relay. `acknowledges: false`: it passes events on and acknowledges none. `notice` is told to whoever connects.
 */
async function openRelay({ acknowledges = true } = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const events = [];
  const sockets = new Set();
  const waiting = [];
  const changed = () => {
    for (const check of waiting) check();
  };
  const relay = { acknowledges };
  server.on("connection", (socket) => {
    const subscriptions = new Map();
    sockets.add(subscriptions);
    subscriptions.socket = socket;
    if (relay.notice) socket.send(JSON.stringify(["NOTICE", relay.notice]));
    socket.on("message", (data) => {
      const [type, ...rest] = JSON.parse(String(data));
      if (type === "REQ") {
        const [id, ...filters] = rest;
        subscriptions.set(id, filters);
        for (const event of events)
          if (filters.some((filter) => matches(event, filter))) socket.send(JSON.stringify(["EVENT", id, event]));
        socket.send(JSON.stringify(["EOSE", id]));
      } else if (type === "CLOSE") {
        subscriptions.delete(rest[0]);
      } else if (type === "EVENT") {
        const [event] = rest;
        // Ephemeral events are passed on and not kept.
        if (event.kind < 20000) events.push(event);
        if (relay.acknowledges) socket.send(JSON.stringify(["OK", event.id, true, ""]));
        for (const other of sockets) {
          for (const [id, filters] of other) {
            if (filters.some((filter) => matches(event, filter)))
              other.socket.send(JSON.stringify(["EVENT", id, event]));
          }
        }
      }
      changed();
    });
    socket.on("close", () => {
      sockets.delete(subscriptions);
      changed();
    });
  });
  await new Promise((done) => server.once("listening", done));
  return Object.assign(relay, {
    url: `ws://127.0.0.1:${server.address().port}`,
    /** Resolves when this many are connected. */
    connections: (count) =>
      new Promise((done) => {
        const check = () => sockets.size === count && done();
        waiting.push(check);
        check();
      }),
    /** Resolves when somebody listens for this kind. */
    listener: (kind) =>
      new Promise((done) => {
        const check = () =>
          [...sockets].some((subscriptions) =>
            [...subscriptions.values()].flat().some(({ kinds }) => kinds?.includes(kind)),
          ) && done();
        waiting.push(check);
        check();
      }),
    close: () =>
      new Promise((done) => {
        for (const client of server.clients) client.terminate();
        server.close(done);
      }),
  });
}

/**
 * A relay, a wallet behind it that runs `handler`, and a connection string for it. `announced`: whether the wallet has
 * published its methods on the relay.
 */
export async function openWallet(handler, { announced = true } = {}) {
  const relay = await openRelay();
  const [wallet, client] = [WALLET, CLIENT].map((secret) => getPublicKey(Buffer.from(secret, "hex")));
  const service = new NWCWalletService({ relayUrl: relay.url });
  const stop = await service.subscribe(new NWCWalletServiceKeyPair(WALLET, client), handler);
  await relay.listener(23194);
  if (announced)
    await service.publishWalletServiceInfoEvent(
      WALLET,
      ["pay_invoice", "lookup_invoice", "get_balance", "make_invoice"],
      [],
    );
  return {
    relay,
    connection: `nostr+walletconnect://${wallet}?relay=${encodeURIComponent(relay.url)}&secret=${CLIENT}`,
    async close() {
      stop();
      service.close();
      await relay.close();
    },
  };
}
