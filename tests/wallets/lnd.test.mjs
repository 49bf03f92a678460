import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "../../scripts/lib.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { openKit } from "./rows.mjs";
import { cut, endless, json, openStandIn, page, text } from "./stand-in.mjs";
import { suite } from "./suite.mjs";

const ZEROS = "0".repeat(64);
const hex = (base64) => Buffer.from(base64, "base64url").toString("hex");

/** The wire format of lnd 0.21.2. */
const result = (fields) =>
  json(200, {
    result: {
      payment_hash: "",
      value: "10",
      creation_date: "1790000000",
      fee: "2",
      payment_preimage: ZEROS,
      value_sat: "10",
      value_msat: "10000",
      payment_request: "",
      fee_sat: "0",
      fee_msat: "0",
      creation_time_ns: "0",
      htlcs: [],
      payment_index: "1",
      failure_reason: "FAILURE_REASON_NONE",
      ...fields,
    },
  });
const succeeded = ({ preimage, feeMsat, hash }) =>
  result({
    status: "SUCCEEDED",
    payment_hash: hash,
    payment_preimage: preimage,
    fee_msat: String(feeMsat),
    fee_sat: "2",
  });
const failed = (reason) => result({ status: "FAILED", failure_reason: reason });
const nested = (status, code, message) => json(status, { error: { code, message, details: [] } });
const flat = (status, code, message) => json(status, { code, message, details: [] });

const forged = flat(500, 2, "verification failed: signature mismatch after caveat verification");

const kit = {
  name: "lnd",
  secret: "0201036c6e640000aabbccddeeff",
  key: "macaroon",
  badSecrets: ["AgEDbG5k", "0201036", "02 01"],
  options: (url) => ({ url, macaroon: kit.secret }),
  headers: () => ({ "grpc-metadata-macaroon": kit.secret }),
  order: { timeout_seconds: 60, fee_limit_msat: "5000", no_inflight_updates: true },
  read: ({ body }) => JSON.parse(body),
  routes: { pay: "POST /v2/router/send", find: "GET /v2/router/track/*", balance: "GET /v1/balance/channels" },
  ok: 200,
  invoice: (asked) => kit.read(asked).payment_request,
  hash: ({ path }) => hex(path.split("/").pop()),
  paid: succeeded,
  found: {
    paid: succeeded,
    pending: () => result({ status: "IN_FLIGHT" }),
    failed: () => failed("FAILURE_REASON_NO_ROUTE"),
    none: () => nested(404, 5, "payment isn't initiated"),
  },
  refused: {
    answer: forged,
    says: "lnd refused (status 500): verification failed: signature mismatch after caveat verification",
  },
  limited: { answer: text(429, "slow down"), says: "lnd refused (status 429): slow down" },
  balance: [
    json(200, {
      balance: "980",
      pending_open_balance: "0",
      local_balance: { sat: "980", msat: "980500" },
      remote_balance: { sat: "20", msat: "19500" },
    }),
    980_500,
  ],
  invoices: {
    routes: { make: "POST /v1/invoices", came: "GET /v1/invoice/*" },
    order: (amountMsat) => ({
      value_msat: amountMsat ?? 0,
      memo: "ünï refund",
      expiry: 2_592_000,
      private: true,
    }),
    made: (payment_request) => json(200, { r_hash: "q6s=", payment_request, add_index: "7", payment_addr: "AA==" }),
    says: ["made no invoice", "does not look invoices up"],
    hash: ({ path }) => path.split("/").pop(),
    came: (msat) =>
      json(200, {
        memo: "",
        value_msat: "0",
        state: msat ? "SETTLED" : "OPEN",
        settled: msat > 0,
        amt_paid_msat: String(msat),
        amt_paid_sat: String(msat / 1000),
      }),
    waiting: ["ACCEPTED", "CANCELED"].map((state) => json(200, { state, amt_paid_msat: "5000" })),
    foreign: [flat(404, 5, "unable to locate invoice")],
    refused: {
      answer: flat(500, 2, "permission denied"),
      make: "lnd made no invoice: its macaroon must allow AddInvoice and LookupInvoice (status 500): permission denied",
      came: "lnd does not look invoices up: its macaroon must allow AddInvoice and LookupInvoice (status 500): permission denied",
    },
    odd: [json(200, {}), json(200, { state: "SETTLED", amt_paid_msat: "-1" }), flat(404, 12, "Not Found"), page(404)],
  },
  mute: "lnd ended its answer before the payment (status 200)",
};

const transition = "lnd did not say what became of the payment (status 409): payment is in transition";
const already = "lnd did not say what became of the payment (status 409): invoice is already paid";

suite(kit, {
  ...Object.fromEntries(
    ["NO_ROUTE", "INSUFFICIENT_BALANCE", "INCORRECT_PAYMENT_DETAILS", "TIMEOUT", "ERROR", "CANCELED"].map((reason) => [
      `FAILED: ${reason}, with a preimage of zeros`,
      {
        pay: () => failed(`FAILURE_REASON_${reason}`),
        code: "payment_failed",
        says: `lnd gave up: ${reason.toLowerCase().replaceAll("_", " ")}`,
        lookups: 0,
      },
    ]),
  ),
  "in flight first, then SUCCEEDED, and no end of the stream": {
    pay: async ({ settle }) => {
      const lines = [
        { result: { status: "IN_FLIGHT" } },
        { result: { status: "SUCCEEDED", payment_preimage: (await settle()).preimage, fee_msat: "2000" } },
      ];
      return endless(200, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    },
    lookups: 0,
  },
  "in flight, then the stream ends": {
    pay: () => json(200, { result: { status: "IN_FLIGHT" } }),
    find: () => kit.found.none(),
    // lnd has had the payment. So "not found" proves nothing.
    code: "payment_unknown",
    says: "lnd ended its answer before the payment (status 200)",
    heals: false,
    lookups: 1,
  },
  "an error in the stream": {
    pay: () => nested(200, 2, "router shutting down"),
    code: "payment_failed",
    says: "lnd did not say what became of the payment (status 200): router shutting down",
  },
  "409: payment is in transition": {
    pay: async ({ settle }) => {
      await settle();
      return nested(409, 6, "payment is in transition");
    },
    find: () => kit.found.pending(),
    code: "payment_unknown",
    says: transition,
    payments: 1,
  },
  "409: payment is in transition, and then lnd knows nothing of it": {
    pay: async ({ settle }) => {
      await settle();
      return nested(409, 6, "payment is in transition");
    },
    find: () => kit.found.none(),
    code: "payment_unknown",
    says: transition,
    payments: 1,
    lookups: 1,
  },
  "409: invoice is already paid": {
    pay: async ({ settle }) => {
      await settle();
      return nested(409, 6, "invoice is already paid");
    },
    lookups: 1,
  },
  "409: already paid, and the lookup is turned away": {
    pay: async ({ settle }) => {
      await settle();
      return nested(409, 6, "invoice is already paid");
    },
    find: () => forged,
    code: "payment_unknown",
    says: already,
    payments: 1,
  },
  ...Object.fromEntries(
    [
      "invoice expired. Valid until 2026-11-25 19:00:00 +0000 UTC",
      "invoice not for current active network 'regtest'",
      "permission denied",
      "expected 1 macaroon, got 0",
      "cannot determine data format of binary-encoded macaroon",
      "wallet locked, unlock it to enable full RPC access",
      "waiting to start, RPC services not available",
      "the RPC server is in the process of starting up, but not yet ready to accept calls",
    ].map((message) => [
      `500: ${message}`,
      {
        pay: () => nested(500, 2, message),
        code: "payment_failed",
        says: `lnd refused (status 500): ${message}`,
        lookups: 0,
      },
    ]),
  ),
  "500 with any other message, never begun": {
    pay: () => nested(500, 2, "checksum failed"),
    code: "payment_failed",
    says: "lnd did not say what became of the payment (status 500): checksum failed",
    lookups: 2,
  },
  "500 with any other message, paid": {
    pay: async ({ settle }) => {
      await settle();
      return nested(500, 2, "router shutting down");
    },
    lookups: 1,
  },
  unavailable: {
    pay: () => flat(503, 14, "connection refused"),
    code: "payment_failed",
    says: "lnd did not say what became of the payment (status 503): connection refused",
    lookups: 2,
  },
  "404 of the REST proxy": {
    pay: () => flat(404, 5, "Not Found"),
    find: () => flat(404, 5, "Not Found"),
    code: "payment_failed",
    says: "lnd refused (status 404): Not Found",
    lookups: 0,
  },
  "lost, and a REST proxy that does not have the lookup": {
    pay: () => cut(),
    find: () => flat(404, 5, "Not Found"),
    code: "payment_unknown",
    says: (url) => `lnd at ${url} could not be reached (UND_ERR_SOCKET)`,
  },
  "lost, and a status of a later lnd": {
    pay: () => cut(),
    find: () => result({ status: "SETTLING" }),
    code: "payment_unknown",
    says: (url) => `lnd at ${url} could not be reached (UND_ERR_SOCKET)`,
  },
  "lost, and initiated": {
    pay: () => cut(),
    find: () => result({ status: "INITIATED" }),
    code: "payment_unknown",
    says: (url) => `lnd at ${url} could not be reached (UND_ERR_SOCKET)`,
    lookups: 1,
    heals: false,
  },
});

const HASH = "ab".repeat(32);
test("lnd: a failed payment says when it was begun", async (t) => {
  const { lnd } = await import(at("dist/wallets/lnd.js"));
  const server = await openStandIn();
  t.after(() => server.close());
  for (const [creation_time_ns, found] of [
    ["1790000000123456789", { begunAt: 1790000000123 }],
    ["0", {}],
    [undefined, {}],
  ]) {
    server.on(kit.routes.find, () => result({ status: "FAILED", creation_time_ns }));
    assert.deepEqual(await lnd(kit.options(server.url)).lookup(HASH), { state: "failed", ...found });
  }
});

// The second attempt never reached lnd. Its record is of the first.
test("lnd: the record of an earlier attempt at the same invoice tells nothing of a later one", async (t) => {
  const { lnd } = await import(at("dist/wallets/lnd.js"));
  const pkg = await import(at("dist/node.js"));
  const paywall = await startPaywall();
  t.after(() => paywall.close());
  const it = await openKit({ pkg, paywall }, { ...kit, open: (url) => lnd(kit.options(url)) });
  t.after(() => it.close());
  let time = Date.now();
  const pay = it.shop.client({ wallet: it.wallet, now: () => time });
  const url = it.shop.url("a", { reuse_invoice: 1 });
  const begun = time;
  it.server.on(kit.routes.pay, () => failed("FAILURE_REASON_NO_ROUTE"));
  await assert.rejects(pay(url), { code: "payment_failed" });
  time += 60_000;
  it.server.on(kit.routes.pay, () => cut());
  const record = (at) =>
    it.server.on(kit.routes.find, () => result({ status: "FAILED", creation_time_ns: `${at}000000` }));
  record(begun);
  await assert.rejects(pay(url), { code: "payment_unknown" });
  assert.equal((await pay.spent()).total, 10);
  record(begun + 60_001);
  assert.equal((await pay.spent()).total, 0);
});
