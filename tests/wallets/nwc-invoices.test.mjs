// The invoices that nwc() makes, and what comes in: with a client, and through the SDK and a relay.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { openFolder } from "./beside.mjs";
import { hold } from "./hurry.mjs";
import { CLIENT, openWallet } from "./relay.mjs";
import { hides } from "./rows.mjs";

const HASH = "ab".repeat(32);
const PREIMAGE = "cd".repeat(32);
const order = { amountMsat: 21_500, description: "refund", expirySeconds: 2_592_000 };

let nwc;
let remove;
before(async () => {
  const opened = await openFolder();
  remove = opened.remove;
  ({ nwc } = await import(join(opened.folder, "with/node_modules/l402-fetch/dist/wallets/nwc.js")));
});
after(() => remove());

const fails = (code, message = code) => {
  throw Object.assign(new Error(message), { code });
};
const making = (makeInvoice) => nwc({ payInvoice() {}, makeInvoice }).makeInvoice(order);
const came = (lookupInvoice) => nwc({ payInvoice() {}, lookupInvoice }).received(HASH);

describe("nwc: a client's own invoices", { concurrency: 8 }, () => {
  test("the client is asked with the amount, or 0, the description and the expiry", async () => {
    const calls = [];
    const client = {
      payInvoice() {},
      async makeInvoice(args) {
        calls.push([this === client, args]);
        return { type: "incoming", invoice: "lnbcrt1made", preimage: PREIMAGE };
      },
    };
    const wallet = nwc(client);
    assert.equal(await wallet.makeInvoice(order), "lnbcrt1made");
    assert.equal(await wallet.makeInvoice({ ...order, amountMsat: null }), "lnbcrt1made");
    const args = { description: "refund", expiry: 2_592_000 };
    assert.deepEqual(calls, [
      [true, { amount: 21_500, ...args }],
      [true, { amount: 0, ...args }],
    ]);
  });

  test("a refusal is told by its code, with the wallet's own error as the cause", async () => {
    for (const [code, todo] of [
      ["RESTRICTED", ": its connection must allow "],
      ["NOT_IMPLEMENTED"],
      ["QUOTA_EXCEEDED"],
    ]) {
      const refuse = async () => fails(code, "not you");
      const [made, looked] = await Promise.all([making(refuse), came(refuse)].map((it) => it.catch((error) => error)));
      assert.equal(made.message, `the wallet made no invoice${todo ? `${todo}make_invoice` : ""} (${code})`);
      assert.equal(
        looked.message,
        `the wallet does not look payments up${todo ? `${todo}lookup_invoice` : ""} (${code})`,
      );
      for (const { cause } of [made, looked]) assert.deepEqual([cause.code, cause.message], [code, "not you"]);
    }
  });

  test("an answer without an invoice is an error", async () => {
    for (const answer of [undefined, null, {}, { invoice: "nope" }, { invoice: 5 }, "lnbcrt1made"])
      await assert.rejects(
        making(async () => answer),
        { message: "the wallet made no invoice (no answer)" },
      );
  });

  test("an error of the SDK, which may hold the preimage, is not handed on", async () => {
    const leak = async () => fails("INTERNAL", `response from NWC failed validation: {"preimage":"${PREIMAGE}"}`);
    for (const asking of [making(leak), came(leak), making(() => fails("INTERNAL", PREIMAGE))]) {
      const error = await asking.then(assert.fail, (error) => error);
      assert.match(error.message, /^the wallet (made no invoice|does not look payments up) \(no answer\)$/);
      hides(PREIMAGE, error);
    }
  });

  test("what came in is 0 until it is settled, whatever preimage is shown, and then the amount", async () => {
    const invoice = { type: "incoming", amount: 21_500, preimage: PREIMAGE };
    for (const [found, msat] of [
      [{ ...invoice, state: "pending" }, 0],
      [{ ...invoice, state: "accepted" }, 0],
      [{ ...invoice, state: "failed" }, 0],
      [{ ...invoice, state: "expired", settled_at: 0 }, 0],
      [invoice, 0],
      [{ ...invoice, settled_at: null }, 0],
      [{ ...invoice, state: "settled" }, 21_500],
      [{ ...invoice, settled_at: 1790000001 }, 21_500],
      // Settled, and the amount is that of the invoice, which has none.
      [{ ...invoice, state: "settled", amount: 0 }, null],
      [{ ...invoice, state: "settled", amount: "5.5" }, null],
      [{ ...invoice, type: "outgoing", state: "settled" }, null],
      [{ state: "settled", amount: 21_500 }, null],
    ])
      assert.equal(await came(async () => found), msat, JSON.stringify(found));
    assert.equal(await came(async () => fails("NOT_FOUND")), null);
    for (const found of [undefined, null, "settled"])
      await assert.rejects(
        came(async () => found),
        { message: "the wallet does not look payments up (no answer)" },
      );
  });
});

// It ends the time of every invoice that is being made, so it runs alone.
describe("nwc: an invoice that takes too long", () => {
  test("it is given up is given up", async () => {
    const held = hold(20_000);
    const asking = making(() => new Promise(() => {}));
    held.release();
    await assert.rejects(asking, { name: "TimeoutError", message: "the wallet gave no answer within 20 s" });
  });
});

describe("nwc: invoices through the SDK and a relay", () => {
  let console_;
  // The SDK prints every step on the console.
  before(() => {
    globalThis.WebSocket ??= WebSocket;
    console_ = { ...console };
    for (const level of ["log", "info", "warn", "error", "debug"]) console[level] = () => {};
  });
  after(() => Object.assign(console, console_));

  const record = (fields) => ({
    result: { type: "incoming", invoice: "lnbcrt1made", payment_hash: HASH, amount: 0, ...fields },
  });

  test("makes one, and sees what comes in", async (t) => {
    const asked = [];
    let state = { state: "pending" };
    const { relay, connection, close } = await openWallet({
      async makeInvoice(request) {
        asked.push(request);
        return record({ state: "pending" });
      },
      lookupInvoice: async () => record(state),
    });
    t.after(close);
    const wallet = nwc(connection);
    assert.equal(await wallet.makeInvoice({ ...order, amountMsat: null }), "lnbcrt1made");
    assert.deepEqual(asked, [{ amount: 0, description: "refund", expiry: 2_592_000 }]);
    assert.equal(await wallet.received(HASH), 0);
    state = { state: "settled", amount: 12_000, settled_at: 1790000001 };
    assert.equal(await wallet.received(HASH), 12_000);
    await relay.connections(1); // the service's own
  });

  test("a wallet's own error is told, whatever its code", async (t) => {
    const { connection, close } = await openWallet({
      makeInvoice: async () => ({ error: { code: "INTERNAL", message: "amount must be above 0" } }),
    });
    t.after(close);
    const error = await nwc(connection)
      .makeInvoice(order)
      .then(assert.fail, (error) => error);
    assert.equal(error.message, "the wallet made no invoice (INTERNAL)");
    assert.equal(error.cause.message, "amount must be above 0");
    hides(CLIENT, error);
  });

  test("without a wallet there, or a relay, it says so", async (t) => {
    const { relay, connection, close } = await openWallet({}, { announced: false });
    const wallet = nwc(connection);
    await assert.rejects(wallet.makeInvoice(order), {
      message: "the wallet could not be asked: no info event (kind 13194) returned from relay",
    });
    await relay.close();
    const error = await wallet.makeInvoice(order).then(assert.fail, (error) => error);
    assert.equal(error.message, `the wallet could not be asked: Failed to connect to ${relay.url}`);
    hides(CLIENT, error);
    t.after(() => close().catch(() => {}));
  });
});
