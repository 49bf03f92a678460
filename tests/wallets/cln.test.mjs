import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "../../scripts/lib.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { mapStore } from "../runtimes/shop.js";
import { openKit } from "./rows.mjs";
import { cut, json, openStandIn } from "./stand-in.mjs";
import { suite } from "./suite.mjs";

const HASH = "ab".repeat(32);
const now = () => Math.floor(Date.now() / 1000);

/** The wire format, from the documentation of Core Lightning. */
const paid = ({ preimage, feeMsat, hash, amountMsat }) =>
  json(201, {
    destination: "02".repeat(33),
    payment_hash: hash,
    created_at: 1790000000.25,
    parts: 1,
    amount_msat: amountMsat,
    amount_sent_msat: amountMsat + feeMsat,
    payment_preimage: preimage,
    status: "complete",
  });
const entry = (status, fields) => ({ payment_hash: "", status, created_at: now(), created_index: 1, ...fields });
const pays = (...entries) => json(201, { pays: entries });
const fails = (code, message, status = 500) => json(status, { code, message });
/** An invoice of the node's own. */
const held = (fields) =>
  json(201, { invoices: [{ label: "l402-fetch-1", payment_hash: HASH, expires_at: 1790000000, ...fields }] });
const hash = ({ body }) => JSON.parse(body).payment_hash;
const forged = fails(1502, "Not permitted: Not derived from master", 401);

const kit = {
  name: "cln",
  secret: "Zm9yZ2VkLXJ1bmUtZm9yLXRlc3RzLW9ubHk9MCZtZXRob2Q9cGF5",
  key: "rune",
  badSecrets: ["two words", "Zm9y?"],
  options: (url) => ({ url, rune: kit.secret }),
  headers: () => ({ rune: kit.secret }),
  order: { maxfee: 5000, retry_for: 60 },
  read: ({ body }) => JSON.parse(body),
  routes: { pay: "POST /v1/pay", find: "POST /v1/listpays", balance: "POST /v1/listpeerchannels" },
  ok: 201,
  late: 70_000,
  invoice: (asked) => kit.read(asked).bolt11,
  hash,
  paid,
  found: {
    paid: ({ preimage, feeMsat, hash, amountMsat }) =>
      pays(
        entry("failed", { payment_hash: hash }),
        entry("complete", {
          payment_hash: hash,
          preimage,
          amount_msat: amountMsat,
          amount_sent_msat: amountMsat + feeMsat,
        }),
      ),
    pending: ({ hash } = {}) => pays(entry("failed", { payment_hash: hash }), entry("pending", { payment_hash: hash })),
    failed: ({ hash } = {}) => pays(entry("failed", { payment_hash: hash })),
    none: () => pays(),
  },
  invoices: {
    routes: { make: "POST /v1/invoice", came: "POST /v1/listinvoices" },
    order: (amountMsat) => ({ amount_msat: amountMsat ?? "any", description: "ünï refund", expiry: 2_592_000 }),
    made: (bolt11) => json(201, { payment_hash: "ab", expires_at: 1790000000, bolt11, payment_secret: "cd" }),
    says: ["made no invoice", "does not look invoices up"],
    hash,
    came: (msat) => held(msat ? { status: "paid", amount_received_msat: msat } : { status: "unpaid" }),
    waiting: [held({ status: "expired" })],
    foreign: [json(201, { invoices: [] })],
    refused: {
      answer: forged,
      make: "cln made no invoice: its rune must allow invoice and listinvoices (status 401): Not permitted: Not derived from master",
      came: "cln does not look invoices up: its rune must allow invoice and listinvoices (status 401): Not permitted: Not derived from master",
    },
    odd: [
      json(201, {}),
      held({}),
      held({ status: "paid", amount_received_msat: 0.5 }),
      held({ status: "unpaid", payment_hash: "cd".repeat(32) }),
      fails(-32602, "payment_hash: should be a 32-byte hex value"),
    ],
  },
  refused: { answer: forged, says: "cln refused (status 401): Not permitted: Not derived from master" },
  limited: {
    answer: fails(1502, "Not permitted: Rate of 1 per minute exceeded", 401),
    says: "cln refused (status 401): Not permitted: Rate of 1 per minute exceeded",
  },
  balance: [
    json(201, {
      channels: [
        { state: "CHANNELD_NORMAL", spendable_msat: 980_500 },
        { state: "CHANNELD_NORMAL", spendable_msat: "1000msat" },
        { state: "ONCHAIN", spendable_msat: 5 },
        { state: "CHANNELD_AWAITING_LOCKIN" },
      ],
    }),
    981_500,
  ],
};

const gaveUp = (code, message) => `cln gave up, though not yet on every part (status 500): ${code}, ${message}`;
const ended = [
  [-1, "Failed: could not get a route"],
  [203, "Destination said it doesn't know invoice"],
  [205, "Could not find a route"],
  [206, "Fee exceeds our fee budget"],
  [207, "Invoice expired"],
  [209, "Failed after 2 attempts"],
  [210, "Timed out after 61 seconds"],
];

suite(kit, {
  "an attempt that has failed just now, and the command with it": {
    pay: () => fails(205, "Could not find a route"),
    find: ({ asked }) => pays(entry("failed", { payment_hash: hash(asked), created_at: now() })),
    code: "payment_failed",
    says: gaveUp(205, "Could not find a route"),
    lookups: 1,
  },
  ...Object.fromEntries(
    ended.map(([code, message]) => [
      `500, code ${code}, and every part has failed`,
      {
        pay: () => fails(code, message),
        find: ({ asked }) => kit.found.failed({ hash: hash(asked) }),
        code: "payment_failed",
        says: gaveUp(code, message),
        lookups: 1,
      },
    ]),
  ),
  "500, code 205, before there was any part": {
    pay: () => fails(205, "Could not find a route"),
    code: "payment_failed",
    says: gaveUp(205, "Could not find a route"),
    lookups: 1,
  },
  "500, code 203, and a part is still on its way": {
    pay: async ({ settle }) => {
      await settle();
      return fails(203, "Destination said it doesn't know invoice");
    },
    find: ({ asked }) => kit.found.pending({ hash: hash(asked) }),
    code: "payment_unknown",
    says: gaveUp(203, "Destination said it doesn't know invoice"),
    payments: 1,
    lookups: 1,
  },
  "500, code 210, and it was paid": {
    pay: async ({ settle }) => {
      await settle();
      return fails(210, "Timed out");
    },
    lookups: 1,
  },
  "500, code 201: already paid with this hash": {
    pay: async ({ settle }) => {
      await settle();
      return fails(201, "Already paid this hash");
    },
    lookups: 1,
  },
  "500, code 219: xpay's word for it": {
    pay: async ({ settle }) => {
      await settle();
      return fails(219, "Invoice has already been paid");
    },
    lookups: 1,
  },
  "500, code -32602: a bad parameter": {
    pay: () => fails(-32602, "Invalid bolt11: Bad bech32 string"),
    code: "payment_failed",
    says: "cln refused (status 500): Invalid bolt11: Bad bech32 string",
    lookups: 0,
  },
  "404, code -32601: no such command": {
    pay: () => fails(-32601, "Unknown command 'pay'", 404),
    code: "payment_failed",
    says: "cln refused (status 404): Unknown command 'pay'",
    lookups: 0,
  },
  "403: no rune": {
    pay: () => fails(1501, "Not authorized: Missing rune", 403),
    code: "payment_failed",
    says: "cln refused (status 403): Not authorized: Missing rune",
    lookups: 0,
  },
  "the nested errors of a node before 24.11": {
    pay: () => json(500, { error: { code: 205, message: "Could not find a route" } }),
    find: ({ asked }) => kit.found.failed({ hash: hash(asked) }),
    code: "payment_failed",
    says: gaveUp(205, "Could not find a route"),
    lookups: 1,
  },
  "500 without a code, never begun": {
    pay: () => json(500, { message: "Connection refused" }),
    code: "payment_unknown",
    says: "cln did not say what became of the payment (status 500): Connection refused",
    lookups: 1,
    late: true,
  },
  "xpay's answer, without a status, where the rune has no listpays": {
    pay: async ({ settle }) => {
      const { preimage } = await settle();
      return json(201, {
        payment_preimage: preimage,
        failed_parts: 0,
        successful_parts: 1,
        amount_msat: 10_000,
        amount_sent_msat: 12_000,
      });
    },
    find: () => forged,
    lookups: 0,
  },
  "201, pending": {
    pay: async ({ settle }) => {
      const { hash } = await settle();
      return json(201, { payment_hash: hash, status: "pending" });
    },
    find: ({ asked }) => kit.found.pending({ hash: hash(asked) }),
    code: "payment_unknown",
    says: "cln did not say what became of the payment (status 201): pending",
    payments: 1,
    lookups: 1,
  },
  "amounts as texts, as before 23.05": {
    pay: async ({ settle }) => {
      const { preimage, hash } = await settle();
      return json(201, {
        payment_hash: hash,
        payment_preimage: preimage,
        status: "complete",
        amount_msat: "10000msat",
        amount_sent_msat: "12000msat",
      });
    },
    lookups: 0,
  },
  "lost, and an entry of another hash": {
    pay: () => cut(),
    find: () => pays(entry("complete", { payment_hash: "ab".repeat(32), preimage: "cd".repeat(32) })),
    late: true,
    code: "payment_unknown",
    says: (url) => `cln at ${url} could not be reached (UND_ERR_SOCKET)`,
  },
});

test("cln: of several failed attempts the lookup tells when the last was begun, to the end of its second", async (t) => {
  const { cln } = await import(at("dist/wallets/cln.js"));
  const server = await openStandIn();
  t.after(() => server.close());
  const attempts = (...times) =>
    pays(...times.map((created_at) => entry("failed", { payment_hash: HASH, created_at })));
  server.on(kit.routes.find, () => attempts(1_790_000_000, 1_790_000_060, 1_790_000_030));
  assert.deepEqual(await cln(kit.options(server.url)).lookup(HASH), { state: "failed", begunAt: 1_790_000_060_999 });
  server.on(kit.routes.find, () => pays({ payment_hash: HASH, status: "failed" }));
  assert.deepEqual(await cln(kit.options(server.url)).lookup(HASH), { state: "failed" });
});

// The command may try for a minute after it was sent, even if this program ends.
test("cln: a payment that may still be tried does not count as failed after a restart, or in another process", async (t) => {
  const { cln } = await import(at("dist/wallets/cln.js"));
  const pkg = await import(at("dist/node.js"));
  const paywall = await startPaywall();
  t.after(() => paywall.close());
  const it = await openKit({ pkg, paywall }, { ...kit, open: (url) => cln(kit.options(url)) });
  t.after(() => it.close());
  const store = mapStore();
  let time = Date.now();
  const client = () => it.shop.client({ wallet: cln(kit.options(it.server.url)), store, now: () => time });
  it.server.on(kit.routes.pay, () => cut());
  it.server.on(kit.routes.find, (asked) => kit.found.failed({ hash: hash(asked) }));
  for (const pay of [client(), client(), client()]) {
    const error = await pay(it.shop.url("a")).then(assert.fail, (error) => error);
    assert.equal(error.code, "payment_unknown");
    assert.equal((await pay.spent()).total, 10);
    time += 20_000;
  }
  const invoices = new Set(it.asked("pay").map(kit.invoice));
  assert.equal(invoices.size, 1, "only the same invoice was handed over again");
});
