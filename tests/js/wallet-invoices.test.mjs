// What the core reads of a wallet's `makeInvoice` and `received`.
import assert from "node:assert/strict";
import test from "node:test";
import { walletMethod } from "../../src/js/core/options.js";
import { readWallet as readAs } from "../../src/js/core/wallet.js";

const readWallet = (wallet) => readAs(wallet, walletMethod(wallet));
const HASH = "0123456789abcdef".repeat(4);
const order = { amountMsat: null, description: "refund", expirySeconds: 2_592_000 };
const whole = { pay() {}, makeInvoice() {}, received() {} };

test("both are there only where the wallet has them, and keep their this and arguments", async () => {
  class Node {
    #seen = [];
    pay() {}
    makeInvoice(...args) {
      this.#seen.push(args);
      return "lnbcrt1invoice";
    }
    async received(...args) {
      this.#seen.push(args);
      return this.#seen.length;
    }
    get seen() {
      return this.#seen;
    }
  }
  const node = new Node();
  const wallet = readWallet(node);
  assert.equal(await wallet.makeInvoice(order), "lnbcrt1invoice");
  assert.equal(await wallet.received(HASH), 2);
  assert.deepEqual(node.seen, [[order], [HASH]]);
  for (const wallet of [{ pay() {} }, { pay() {}, makeInvoice: "lnbc1", received: 5 }, () => {}]) {
    const read = readWallet(wallet);
    assert.ok(!("makeInvoice" in read) && !("received" in read));
  }
});

test("those of a WebLN provider and of an NWC client mean something else, and are not taken", () => {
  const { pay: _, ...methods } = whole;
  for (const wallet of [
    { sendPayment() {}, enable() {}, ...methods },
    { payInvoice() {}, ...methods },
    Object.assign(() => {}, methods),
  ]) {
    const read = readWallet(wallet);
    assert.ok(!("makeInvoice" in read) && !("received" in read));
  }
});

test("an invoice is a text that begins with ln; anything else rejects, and is not shown", async () => {
  for (const made of ["lnbc1x", "LNBCRT1X", "lntbs5u1x"])
    assert.equal(await readWallet({ ...whole, makeInvoice: async () => made }).makeInvoice(order), made);
  for (const made of ["", "nope", "bitcoin:ln", { invoice: "lnbc1x" }, undefined, null, true])
    await assert.rejects(readWallet({ ...whole, makeInvoice: () => made }).makeInvoice(order), {
      name: "TypeError",
      message: "wallet.makeInvoice gave no invoice: a text that begins with ln",
    });
});

test("what came in is whole millisatoshis, or null", async () => {
  for (const [came, read] of [
    [0, 0],
    [5, 5],
    [-1, null],
    [0.5, null],
    ["5", null],
    [NaN, null],
    [undefined, null],
    [null, null],
    [{}, null],
  ])
    assert.equal(await readWallet({ ...whole, received: () => came }).received(HASH), read);
});

test("what the wallet throws is handed on as it is", async () => {
  const cause = new Error("mine");
  const fails = () => {
    throw cause;
  };
  const wallet = readWallet({ pay() {}, makeInvoice: fails, received: fails });
  const isIt = (error) => error === cause;
  await assert.rejects(wallet.makeInvoice(order), isIt);
  await assert.rejects(wallet.received(HASH), isIt);
});
