import { cut, json } from "./stand-in.mjs";
import { suite } from "./suite.mjs";

/** The wire format of LNbits 1.6.2. */
const payment = (fields) => ({
  checking_id: "",
  payment_hash: "",
  wallet_id: "f1a2",
  amount: -10000,
  fee: 0,
  bolt11: "",
  status: "pending",
  preimage: null,
  tag: null,
  memo: "",
  time: "2026-11-25T19:00:00.000000+00:00",
  extra: {},
  ...fields,
});
const paid = ({ preimage, feeMsat, hash }) =>
  json(201, payment({ checking_id: hash, payment_hash: hash, status: "success", preimage, fee: -feeMsat }));
const problem = (status, detail) => json(520, { detail, status });
const unknown = json(404, { detail: "Payment does not exist." });

const kit = {
  name: "lnbits",
  secret: "5dcc1ff0a2b94d7e8d8b1a53e2c1f7aa",
  key: "adminKey",
  badSecrets: ["two words", "ключ"],
  options: (url) => ({ url, adminKey: kit.secret }),
  headers: () => ({ "x-api-key": kit.secret }),
  order: { out: true },
  read: ({ body }) => JSON.parse(body),
  routes: { pay: "POST /api/v1/payments", find: "GET /api/v1/payments/*", balance: "GET /api/v1/wallet" },
  ok: 201,
  invoice: (asked) => kit.read(asked).bolt11,
  hash: ({ path }) => path.split("/").pop(),
  paid,
  found: {
    paid: ({ preimage, feeMsat, hash }) =>
      json(200, {
        paid: true,
        preimage,
        details: payment({ payment_hash: hash, status: "success", preimage, fee: -feeMsat }),
      }),
    pending: () => json(200, { paid: false, status: "pending", preimage: null, details: payment() }),
    failed: () => json(200, { paid: false, status: "failed", details: payment({ status: "failed" }) }),
    none: () => unknown,
  },
  refused: {
    answer: json(401, { detail: "Wallet not found." }),
    says: "lnbits refused (status 401): Wallet not found.",
  },
  limited: {
    answer: json(429, { error: "Rate limit exceeded: 200 per 1 minute" }),
    says: "lnbits refused (status 429): Rate limit exceeded: 200 per 1 minute",
  },
  invoices: {
    routes: { make: "POST /api/v1/payments", came: "GET /api/v1/payments/*" },
    order: (amountMsat) =>
      amountMsat === null || amountMsat % 1000 > 0
        ? null
        : { out: false, amount: amountMsat / 1000, memo: "ünï refund", expiry: 2_592_000 },
    made: (bolt11) => json(201, payment({ amount: 21_000, bolt11 })),
    says: ["made no invoice", "does not look payments up"],
    ok: 200,
    hash: ({ path }) => path.split("/").pop(),
    came: (amount) =>
      json(200, {
        paid: amount > 0,
        ...(amount === 0 && { status: "pending" }),
        preimage: null,
        details: payment({ amount: amount || 21_000, status: amount ? "success" : "pending" }),
      }),
    waiting: [
      json(200, { paid: false, details: payment({ amount: 21_000 }) }),
      json(200, { paid: false, status: "failed", details: payment({ amount: 21_000, status: "failed" }) }),
    ],
    // Unknown, another wallet's, and payments that go out.
    foreign: [
      unknown,
      ...[true, false].flatMap((paid) => [json(200, { paid }), json(200, { paid, details: payment() })]),
    ],
    refused: {
      answer: json(401, { detail: "Wallet not found." }),
      make: "lnbits made no invoice (status 401): Wallet not found.",
      came: "lnbits does not look payments up (status 401): Wallet not found.",
    },
    odd: [json(200, {}), json(200, { paid: "yes" }), json(404, { detail: "Not Found" }), problem("failed", "no")],
  },
  balance: [json(200, { id: "f1a2", name: "LNbits wallet", balance: 980_500 }), 980_500],
};

suite(kit, {
  "201, pending": {
    pay: async ({ settle }) => {
      const { hash } = await settle();
      return json(201, payment({ payment_hash: hash }));
    },
    find: () => kit.found.pending(),
    code: "payment_unknown",
    says: "lnbits did not say what became of the payment (status 201): pending",
    payments: 1,
    lookups: 1,
  },
  "201, pending, and then LNbits knows nothing of it": {
    pay: () => json(201, payment()),
    find: () => unknown,
    heals: false,
    code: "payment_unknown",
    says: "lnbits did not say what became of the payment (status 201): pending",
    lookups: 1,
  },
  "201, failed": {
    pay: () => json(201, payment({ status: "failed" })),
    code: "payment_failed",
    says: "lnbits did not pay (status 201)",
    lookups: 0,
  },
  ...Object.fromEntries(
    [
      "Insufficient balance.",
      "You must reserve at least (10  sat) to cover potential routing fees.",
      "Payment failed: FAILURE_REASON_NO_ROUTE",
      "Bolt11 decoding failed.",
      "Payment is failed node, retrying is not possible.",
    ].map((detail) => [
      `520, failed: ${detail}`,
      {
        pay: () => problem("failed", detail),
        code: "payment_failed",
        says: `lnbits did not pay (status 520): ${detail}`,
        lookups: 0,
      },
    ]),
  ),
  "520, pending: it is on its way": {
    pay: async ({ settle }) => {
      await settle();
      return problem("pending", "Payment is still pending.");
    },
    find: () => kit.found.pending(),
    code: "payment_unknown",
    says: "lnbits did not say what became of the payment (status 520): Payment is still pending.",
    payments: 1,
    lookups: 1,
  },
  "520, pending, because nothing else was said: never begun": {
    pay: () => problem("pending", "Cannot connect to the funding source."),
    code: "payment_failed",
    says: "lnbits did not say what became of the payment (status 520): Cannot connect to the funding source.",
    lookups: 2,
  },
  "520, success: already paid, without a preimage": {
    pay: async ({ settle }) => {
      await settle();
      return problem("success", "Payment already paid.");
    },
    lookups: 1,
  },
  "400, never begun": {
    pay: () => json(400, { detail: "Invalid invoice." }),
    code: "payment_failed",
    says: "lnbits did not say what became of the payment (status 400): Invalid invoice.",
    lookups: 2,
  },
  "400, paid": {
    pay: async ({ settle }) => {
      await settle();
      return json(400, { detail: "Something after the payment." });
    },
    lookups: 1,
  },
  "403: the key may not pay": {
    pay: () => json(403, { detail: "Invoice (or Admin) key required." }),
    code: "payment_failed",
    says: "lnbits refused (status 403): Invoice (or Admin) key required.",
    lookups: 0,
  },
  500: {
    pay: () => json(500, { detail: "Unexpected error! ID: 5" }),
    code: "payment_failed",
    says: "lnbits did not say what became of the payment (status 500): Unexpected error! ID: 5",
    lookups: 2,
  },
  "lost, and its node could not be asked": {
    pay: async ({ settle }) => {
      await settle();
      return cut();
    },
    find: () => json(200, { paid: false }),
    code: "payment_unknown",
    says: (url) => `lnbits at ${url} could not be reached (UND_ERR_SOCKET)`,
    payments: 1,
    lookups: 1,
  },
  "lost, and a 404 of another kind": {
    pay: async ({ settle }) => {
      await settle();
      return cut();
    },
    find: () => json(404, { detail: "Not Found" }),
    code: "payment_unknown",
    says: (url) => `lnbits at ${url} could not be reached (UND_ERR_SOCKET)`,
    payments: 1,
    lookups: 1,
  },
});
