import assert from "node:assert/strict";
import test from "node:test";
import { L402Error } from "../../src/js/core/error.js";
import { walletMethod } from "../../src/js/core/options.js";
import { readWallet as readAs } from "../../src/js/core/wallet.js";
import { webln } from "../../src/js/wallets/webln.js";

const readWallet = (wallet) => readAs(wallet, walletMethod(wallet));

const HEX = "0123456789abcdef".repeat(4);
const ZEROS = "0".repeat(64);
const invoice = { paymentRequest: "lnbcrt1invoice", paymentHash: HEX };
const context = { url: "https://a.b/", maxFeeMsat: 5000, signal: new AbortController().signal };

const pay = (wallet) => readWallet(wallet).pay(invoice, context);

/** The value that `pay` rejects with, by identity. */
async function thrown(wallet) {
  try {
    await pay(wallet);
  } catch (error) {
    return { error };
  }
  return assert.fail("it did not reject");
}

test("a value that is no wallet is refused when it is read", () => {
  for (const bad of [
    null,
    undefined,
    1,
    "",
    "nostr+walletconnect://x",
    true,
    {},
    [],
    { pay: 1 },
    { pay: null, sendPayment: {} },
    Symbol.iterator,
  ]) {
    assert.throws(
      () => readWallet(bad),
      (error) =>
        error instanceof L402Error &&
        error.code === "invalid_options" &&
        error.message === "wallet must be a function, or have a method pay, sendPayment (WebLN) or payInvoice (NWC)",
    );
  }
});

test("pay before sendPayment before payInvoice before a function, each with its own this and arguments", async () => {
  const seen = [];
  const note = (name) =>
    function (...args) {
      seen.push([name, this, ...args]);
      return HEX;
    };
  const wallet = Object.assign(note("function"), {
    payInvoice: note("payInvoice"),
    sendPayment: note("sendPayment"),
    enable: note("enable"),
    pay: note("pay"),
  });
  await pay(wallet);
  delete wallet.pay;
  await pay(wallet);
  delete wallet.sendPayment;
  await pay(wallet);
  delete wallet.payInvoice;
  await pay(wallet);
  assert.deepEqual(seen, [
    ["pay", wallet, invoice, context],
    ["enable", wallet],
    ["sendPayment", wallet, "lnbcrt1invoice"],
    ["payInvoice", wallet, { invoice: "lnbcrt1invoice" }],
    ["function", undefined, invoice, context],
  ]);
});

test("a class keeps its private state, and methods of a prototype count", async () => {
  class Node {
    #preimage = HEX;
    async pay() {
      return { preimage: this.#preimage };
    }
    async lookup() {
      return { state: "paid", preimage: this.#preimage };
    }
    async balanceMsat() {
      return this.#preimage.length;
    }
  }
  const wallet = readWallet(new Node());
  assert.deepEqual(await wallet.pay(invoice, context), { preimage: HEX });
  assert.deepEqual(await wallet.lookup(HEX), { state: "paid", preimage: HEX });
  assert.equal(await wallet.balanceMsat(), 64);
});

test("every shape of answer", async () => {
  const cause = { mine: true };
  const rows = [
    [HEX, { preimage: HEX }],
    ["not a preimage", { preimage: "not a preimage" }],
    [{ preimage: HEX }, { preimage: HEX }],
    [{ payment_preimage: HEX }, { preimage: HEX }],
    [{ preImage: HEX }, { preimage: HEX }],
    [{ paymentPreimage: HEX }, { preimage: HEX }],
    [{ preimage: "", payment_preimage: HEX }, { preimage: HEX }],
    [{ preimage: null, paymentPreimage: HEX }, { preimage: HEX }],
    [
      { preimage: HEX, feeMsat: 0 },
      { preimage: HEX, feeMsat: 0 },
    ],
    [
      { preimage: HEX, feeMsat: 1234 },
      { preimage: HEX, feeMsat: 1234 },
    ],
    [
      { preimage: HEX, fees_paid: 99 },
      { preimage: HEX, feeMsat: 99 },
    ],
    [
      { preimage: HEX, feeMsat: 1, fees_paid: 99 },
      { preimage: HEX, feeMsat: 1 },
    ],
    [{ preimage: HEX, other: "ignored" }, { preimage: HEX }],
    [true, { proven: true }],
    [{ failed: "no route" }, { failed: "no route" }],
    [
      { failed: "no route", cause },
      { failed: "no route", cause },
    ],
    [
      { failed: "no route", cause: undefined },
      { failed: "no route", cause: undefined },
    ],
    [{ failed: "no route", preimage: ZEROS }, { failed: "no route" }],
    [{ failed: "no route", preimage: HEX }, { preimage: HEX }],
    [{ failed: false, preimage: HEX }, { preimage: HEX }],
    [{ preimage: ZEROS }, { preimage: ZEROS }],
    [{ failed: "" }, { nothing: "an object without a preimage" }],
    [{ failed: true }, { nothing: "an object without a preimage" }],
    [{}, { nothing: "an object without a preimage" }],
    [[], { nothing: "an object without a preimage" }],
    [{ preimage: 7 }, { nothing: "an object without a preimage" }],
    [{ preimage: new Uint8Array(32) }, { nothing: "an object without a preimage" }],
    [undefined, { nothing: "undefined" }],
    [null, { nothing: "null" }],
    [false, { nothing: "false" }],
    ["", { nothing: "an empty text" }],
    [42, { nothing: "a number" }],
    [42n, { nothing: "a bigint" }],
    [() => HEX, { nothing: "a function" }],
    [Symbol("x"), { nothing: "a symbol" }],
  ];
  for (const [answer, read] of rows) {
    for (const wallet of [
      () => answer,
      async () => answer,
      { pay: () => ({ then: (done) => done(answer) }) },
      { sendPayment: async () => answer },
      { payInvoice: () => answer },
    ]) {
      const got = await pay(wallet);
      assert.deepEqual(got, read);
      if ("cause" in read) assert.equal(got.cause, read.cause);
    }
  }
});

test("a fee that is no whole number of millisatoshis is not reported", async () => {
  for (const feeMsat of [-1, 0.5, NaN, Infinity, 2 ** 53, "5", 5n, null, {}, undefined]) {
    assert.deepEqual(await pay(() => ({ preimage: HEX, feeMsat })), { preimage: HEX });
    assert.deepEqual(await pay(() => ({ preimage: HEX, fees_paid: feeMsat })), { preimage: HEX });
  }
});

test("a value that a wallet throws is passed on by identity, and the outcome is unknown", async () => {
  for (const cause of [new Error("User rejected"), "User rejected", undefined, null, 0, { code: 5 }]) {
    for (const wallet of [
      () => {
        throw cause;
      },
      () => Promise.reject(cause),
      () => ({
        then(_, fail) {
          fail(cause);
        },
      }),
      () => ({
        get preimage() {
          throw cause;
        },
      }),
      {
        pay() {
          throw cause;
        },
      },
      {
        payInvoice: async () => {
          throw cause;
        },
      },
    ])
      assert.equal((await thrown(wallet)).error, cause);
  }
});

test("an NWC wallet's refusal is certain, from a client or a WebLN provider; its other errors are not", async () => {
  const thrower = (cause) => [
    {
      payInvoice: async () => {
        throw cause;
      },
    },
    {
      payInvoice() {
        throw cause;
      },
    },
    {
      sendPayment: async () => {
        throw cause;
      },
    },
  ];
  for (const code of ["INSUFFICIENT_BALANCE", "QUOTA_EXCEEDED", "RESTRICTED", "UNAUTHORIZED"]) {
    const cause = Object.assign(new Error("x"), { code });
    for (const wallet of thrower(cause)) {
      const got = await pay(wallet);
      assert.deepEqual(got, { failed: `the wallet refused: ${code}`, cause });
      assert.equal(got.cause, cause);
    }
  }
  for (const code of [
    "PAYMENT_FAILED",
    "INTERNAL",
    "OTHER",
    "RATE_LIMITED",
    "NOT_IMPLEMENTED",
    "NOT_FOUND",
    "xUNAUTHORIZED",
    5,
    undefined,
  ]) {
    const cause = Object.assign(new Error("x"), { code });
    for (const wallet of thrower(cause)) assert.equal((await thrown(wallet)).error, cause);
  }
});

test("a wallet whose method is gone has not paid", async () => {
  for (const key of ["pay", "sendPayment", "payInvoice"]) {
    const wallet = { [key]: () => HEX };
    const read = readWallet(wallet);
    delete wallet[key];
    assert.deepEqual(await read.pay(invoice, context), { failed: `wallet.${key} is no longer a function` });
    wallet[key] = () => ({ preimage: HEX, feeMsat: 1 });
    assert.deepEqual(await read.pay(invoice, context), { preimage: HEX, feeMsat: 1 });
  }
});

test("a lookup's answer is one of four, or none", async () => {
  const rows = [
    [
      { state: "paid", preimage: HEX },
      { state: "paid", preimage: HEX },
    ],
    [
      { state: "paid", preimage: HEX, feeMsat: 3 },
      { state: "paid", preimage: HEX, feeMsat: 3 },
    ],
    [{ state: "pending" }, { state: "pending" }],
    [{ state: "pending", preimage: ZEROS }, { state: "pending" }],
    [{ state: "failed" }, { state: "failed" }],
    [
      { state: "failed", begunAt: 5 },
      { state: "failed", begunAt: 5 },
    ],
    [{ state: "failed", preimage: ZEROS }, { state: "failed" }],
    [{ state: "not_found" }, { state: "not_found" }],
    // a preimage that hashes is proof whatever stands beside it
    ...[{}, { state: "settled" }, { state: "failed" }, { state: "pending" }].map((rest) => [
      { preimage: HEX, ...rest },
      { state: "paid", preimage: HEX },
    ]),
    ...[
      { state: "paid" },
      { state: "paid", preimage: 5 },
      { state: "settled" },
      {},
      null,
      undefined,
      "paid",
      true,
      5,
    ].map((answer) => [answer, null]),
  ];
  for (const [answer, read] of rows) {
    const hashes = [];
    const wallet = readWallet({
      pay() {},
      lookup: async (hash) => {
        hashes.push(hash);
        return answer;
      },
    });
    assert.deepEqual(await wallet.lookup("hash"), read);
    assert.deepEqual(hashes, ["hash"]);
  }
  const cause = new Error("mine");
  await assert.rejects(
    readWallet({
      pay() {},
      lookup() {
        throw cause;
      },
    }).lookup("hash"),
    (error) => error === cause,
  );
  assert.equal(readWallet({ pay() {} }).lookup, undefined);
});

test("a balance is a whole number of millisatoshis, or null", async () => {
  for (const [balance, read] of [
    [0, 0],
    [5, 5],
    [-1, null],
    [0.5, null],
    ["5", null],
    [undefined, null],
    [null, null],
  ]) {
    assert.equal(await readWallet({ pay() {}, balanceMsat: () => balance }).balanceMsat(), read);
  }
  assert.equal(readWallet({ pay() {} }).balanceMsat, undefined);
});

/** A provider that notes its calls. */
function provider(over = {}) {
  const calls = [];
  return {
    calls,
    async enable() {
      calls.push("enable");
    },
    async sendPayment(paymentRequest) {
      calls.push(paymentRequest);
      return { preimage: HEX };
    },
    ...over,
  };
}

test("webln: the provider is enabled before each payment", async () => {
  const given = provider();
  const wallet = readWallet(given);
  assert.deepEqual(await wallet.pay(invoice, context), { preimage: HEX });
  assert.deepEqual(await wallet.pay(invoice, context), { preimage: HEX });
  assert.deepEqual(given.calls, ["enable", "lnbcrt1invoice", "enable", "lnbcrt1invoice"]);
  assert.deepEqual(await pay({ sendPayment: () => HEX }), { preimage: HEX });
});

test("webln: a refused enable() has not paid", async () => {
  const cause = new Error("User rejected");
  for (const enable of [
    () => {
      throw cause;
    },
    async () => {
      throw cause;
    },
  ]) {
    const given = provider({ enable });
    const got = await pay(given);
    assert.deepEqual(got, { failed: "the webln wallet refused access to this page: allow it in the wallet", cause });
    assert.equal(got.cause, cause);
    assert.deepEqual(given.calls, []);
  }
});

test("webln: an enable() that comes after paymentTimeout pays nothing", async () => {
  const timeout = new AbortController();
  const given = provider({
    async enable() {
      timeout.abort();
    },
  });
  assert.deepEqual(await readWallet(given).pay(invoice, { ...context, signal: timeout.signal }), {
    failed: "the webln wallet gave access too late: call again",
  });
  assert.deepEqual(given.calls, []);
});

test("webln: a user's refusal is certain, any other error is not", async () => {
  const rejection = Object.assign(new Error("nope"), { name: "RejectionError" });
  for (const cause of [
    new Error("User rejected"),
    new Error("User rejected prompt"),
    "User rejected",
    "user rejected the payment",
    { message: "User rejected" },
    rejection,
  ]) {
    const got = await pay(
      provider({
        sendPayment: async () => {
          throw cause;
        },
      }),
    );
    assert.deepEqual(got, { failed: "the user refused the payment", cause });
    assert.equal(got.cause, cause);
  }
  const trap = {
    get message() {
      throw new Error("trap");
    },
  };
  for (const cause of [
    new Error("Prompt was closed"),
    new Error("no route"),
    new Error("timeout: User rejected"),
    new Error(""),
    undefined,
    null,
    5,
    {},
    trap,
  ]) {
    assert.equal(
      (
        await thrown(
          provider({
            sendPayment: async () => {
              throw cause;
            },
          }),
        )
      ).error,
      cause,
    );
    assert.equal(
      (
        await thrown(
          provider({
            sendPayment() {
              throw cause;
            },
          }),
        )
      ).error,
      cause,
    );
  }
});

test("webln: a balance in satoshis", async () => {
  for (const [answer, read] of [
    [{ balance: 21, currency: "sats" }, 21000],
    [{ balance: 21 }, 21000],
    [{ balance: 21, currency: "EUR" }, null],
    [{}, null],
    [undefined, null],
    [{ balance: "21" }, null],
    [{ balance: -1 }, null],
  ]) {
    const given = provider({ getBalance: async () => answer });
    assert.equal(await readWallet(given).balanceMsat(), read);
    assert.deepEqual(given.calls, ["enable"]);
  }
  assert.equal(await readWallet(provider()).balanceMsat(), null);
});

test("webln() uses the page's provider, which it reads at the payment", async (t) => {
  t.after(() => delete globalThis.webln);
  const wallet = readWallet(webln());
  assert.deepEqual(await wallet.pay(invoice, context), {
    failed: "no webln wallet in this page: install or unlock one, or pass another wallet",
  });
  assert.equal(await wallet.balanceMsat(), null);
  globalThis.webln = provider();
  assert.deepEqual(await wallet.pay(invoice, context), { preimage: HEX });
  assert.deepEqual(globalThis.webln.calls, ["enable", "lnbcrt1invoice"]);
  delete globalThis.webln.sendPayment;
  assert.deepEqual(await wallet.pay(invoice, context), { failed: "wallet.sendPayment is no longer a function" });
});

test("webln(provider) uses the given provider, or is an error at once", async () => {
  const given = provider();
  assert.deepEqual(await pay(webln(given)), { preimage: HEX });
  assert.equal(given.calls.length, 2);
  for (const bad of [null, {}, 5, "webln", () => {}]) {
    assert.throws(
      () => webln(bad),
      (error) =>
        error instanceof L402Error &&
        error.code === "invalid_options" &&
        error.message === "provider must be a webln provider, with a method sendPayment",
    );
  }
});
