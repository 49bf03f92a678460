import { cut, empty, json, text } from "./stand-in.mjs";
import { suite } from "./suite.mjs";

/** The wire format, from the documentation of phoenixd. */
const sent = ({ preimage, feeMsat, hash }) =>
  json(200, {
    recipientAmountSat: 10,
    routingFeeSat: feeMsat / 1000,
    paymentId: "dddfb160-f5dc-4930-b0d9-bc7a2ebf7b21",
    paymentHash: hash,
    paymentPreimage: preimage,
  });
const notSent = (reason) => json(200, { type: "payment_failed", paymentHash: "00", reason });
const outgoing = (fields) =>
  json(200, {
    type: "outgoing_payment",
    subType: "lightning",
    paymentId: "dddfb160-f5dc-4930-b0d9-bc7a2ebf7b21",
    isPaid: false,
    sent: 0,
    fees: 0,
    createdAt: Date.now(),
    ...fields,
  });
const incoming = (fields) =>
  json(200, {
    type: "incoming_payment",
    subType: "lightning",
    paymentHash: "ab",
    preimage: "cd",
    isPaid: false,
    receivedSat: 0,
    fees: 0,
    createdAt: 1738348627503,
    ...fields,
  });
const unauthorized = text(401, "Invalid authentication (use basic auth with the http password set in phoenix.conf)");

const kit = {
  name: "phoenixd",
  secret: ["hunter2-ünicode", Buffer.from(":hunter2-ünicode").toString("base64")],
  key: "password",
  badSecrets: [],
  options: (url) => ({ url, password: "hunter2-ünicode" }),
  headers: () => ({ authorization: `Basic ${kit.secret[1]}` }),
  order: {},
  read: ({ body }) => Object.fromEntries(new URLSearchParams(body)),
  routes: { pay: "POST /payinvoice", find: "GET /payments/outgoingbyhash/*", balance: "GET /getbalance" },
  ok: 200,
  invoice: (asked) => kit.read(asked).invoice,
  hash: ({ path }) => path.split("/").pop(),
  paid: sent,
  found: {
    paid: ({ preimage, feeMsat, hash }) =>
      outgoing({ paymentHash: hash, preimage, isPaid: true, sent: 12, fees: feeMsat, completedAt: 1738348627503 }),
    pending: ({ hash } = {}) => outgoing({ paymentHash: hash }),
    failed: ({ hash } = {}) => outgoing({ paymentHash: hash, completedAt: 1738348627503 }),
    none: () => text(404, "Not found"),
  },
  refused: {
    answer: unauthorized,
    says: "phoenixd refused (status 401): Invalid authentication (use basic auth with the http password set in phoenix.conf)",
  },
  limited: { answer: text(429, "slow down"), says: "phoenixd refused (status 429): slow down" },
  invoices: {
    routes: { make: "POST /createinvoice", came: "GET /payments/incoming/*" },
    order: (amountMsat) =>
      amountMsat % 1000 > 0
        ? null
        : {
            description: "ünï refund",
            expirySeconds: "2592000",
            ...(amountMsat !== null && { amountSat: String(amountMsat / 1000) }),
          },
    made: (serialized) => json(200, { amountSat: 21, paymentHash: "ab", serialized }),
    says: ["made no invoice", "does not look invoices up"],
    hash: ({ path }) => path.split("/").pop(),
    // The provider has taken 2 sat for liquidity.
    came: (msat) => incoming({ isPaid: msat > 0, receivedSat: msat && msat / 1000 - 2, fees: msat && 2000 }),
    waiting: [incoming({ isExpired: true })],
    foreign: [empty(204), text(404, "Not found"), text(404, "Unknown endpoint (check api doc)")],
    refused: {
      answer: unauthorized,
      make: "phoenixd made no invoice (status 401): Invalid authentication (use basic auth with the http password set in phoenix.conf)",
      came: "phoenixd does not look invoices up (status 401): Invalid authentication (use basic auth with the http password set in phoenix.conf)",
    },
    odd: [
      json(200, {}),
      incoming({ receivedSat: "x" }),
      incoming({ receivedSat: -5 }),
      text(400, "Invalid parameter (paymentHash)"),
    ],
  },
  balance: [json(200, { balanceSat: 104_228, feeCreditSat: 391 }), 104_228_000],
};

const unclear = (reason) => `phoenixd did not say what became of the payment (status 200): ${reason}`;

suite(kit, {
  ...Object.fromEntries(
    [
      "not enough funds in wallet to afford payment",
      "the recipient was offline or did not have enough liquidity to receive the payment",
      "the recipient rejected the payment",
      "payment attempts exhausted without success",
      "channel is not connected yet, please retry when connected",
      "payment could not be sent through existing channels, check individual failures for more details",
    ].map((reason) => [
      `not paid: ${reason}`,
      { pay: () => notSent(reason), code: "payment_failed", says: `phoenixd gave up: ${reason}`, lookups: 0 },
    ]),
  ),
  "already paid": {
    pay: async ({ settle }) => {
      await settle();
      return notSent("this invoice has already been paid");
    },
    lookups: 1,
  },
  "already paid, and then phoenixd knows nothing of it": {
    pay: () => notSent("this invoice has already been paid"),
    find: () => kit.found.none(),
    heals: false,
    code: "payment_unknown",
    says: unclear("this invoice has already been paid"),
    lookups: 1,
  },
  "already in progress": {
    pay: async ({ settle }) => {
      await settle();
      return notSent("another payment is in progress for that invoice");
    },
    find: () => kit.found.pending(),
    code: "payment_unknown",
    says: unclear("another payment is in progress for that invoice"),
    payments: 1,
    lookups: 1,
  },
  "an unknown error, never begun": {
    pay: () => notSent("an unknown error occurred"),
    code: "payment_failed",
    says: unclear("an unknown error occurred"),
    lookups: 2,
  },
  "restarted in mid-payment, paid": {
    pay: async ({ settle }) => {
      await settle();
      return notSent("wallet restarted while a payment was ongoing");
    },
    lookups: 1,
  },
  "400: no invoice": {
    pay: () => text(400, "Invalid parameter (invoice): must be of type invoice"),
    code: "payment_failed",
    says: "phoenixd refused (status 400): Invalid parameter (invoice): must be of type invoice",
    lookups: 0,
  },
  500: {
    pay: () => text(500, "database is locked"),
    code: "payment_failed",
    says: "phoenixd did not say what became of the payment (status 500): database is locked",
    lookups: 2,
  },
  "neither a preimage nor a reason": {
    pay: () => json(200, { paymentHash: "00" }),
    code: "payment_failed",
    says: "phoenixd did not say what became of the payment (status 200)",
    lookups: 2,
  },
  "lost, and not in its records, as 204": {
    pay: () => cut(),
    find: () => empty(204),
    code: "payment_failed",
    says: (url) => `phoenixd at ${url} could not be reached (UND_ERR_SOCKET)`,
    lookups: 2,
  },
  "lost, and an older phoenixd that has no such lookup": {
    pay: async ({ settle }) => {
      await settle();
      return cut();
    },
    find: () => text(404, "Unknown endpoint (check api doc)"),
    code: "payment_unknown",
    says: (url) => `phoenixd at ${url} could not be reached (UND_ERR_SOCKET)`,
    payments: 1,
    lookups: 1,
  },
  "lost, and an older phoenixd that calls every payment paid once it is over": {
    pay: () => cut(),
    find: () => outgoing({ isPaid: true, completedAt: 1738348627503 }),
    heals: false,
    code: "payment_unknown",
    says: (url) => `phoenixd at ${url} could not be reached (UND_ERR_SOCKET)`,
    lookups: 1,
  },
});
