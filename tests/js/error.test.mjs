import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { L402Error } from "../../src/js/core/error.js";

test("an L402Error is a real Error with a name, a code and a stack that shows both", () => {
  const error = new L402Error("declined", "approve said no");
  assert.ok(error instanceof Error);
  assert.equal(error.name, "L402Error");
  assert.equal(error.code, "declined");
  assert.equal(error.message, "approve said no");
  assert.equal(String(error), "L402Error: approve said no");
  assert.match(error.stack, /^L402Error: approve said no\n/);
});

test("an error has only the members that it was given", () => {
  assert.deepEqual(Object.keys(new L402Error("declined", "x")), ["code", "moneyMoved"]);
  const bare = new L402Error("declined", "x", { response: undefined, payment: undefined, quote: undefined });
  assert.ok(!("response" in bare) && !("payment" in bare) && !("quote" in bare) && !("cause" in bare));

  const response = new Response();
  const payment = { paymentHash: "00" };
  const cause = { any: "thing" };
  const quote = { amountSat: 1 };
  const full = new L402Error("payment_failed", "x", { cause, response, payment, quote });
  assert.equal(full.quote, quote);
  assert.equal(full.response, response);
  assert.equal(full.payment, payment);
  assert.equal(full.cause, cause);
});

test("a cause is kept by identity, whatever was thrown", () => {
  for (const cause of [undefined, null, 0, "text", Symbol.iterator]) {
    const error = new L402Error("payment_unknown", "x", { cause });
    assert.ok(Object.hasOwn(error, "cause"));
    assert.equal(error.cause, cause);
  }
});

test("the members that programs rely on can't be changed", () => {
  const error = new L402Error("declined", "x", { response: new Response() });
  for (const key of ["code", "moneyMoved", "response", "name"]) {
    assert.throws(
      () => {
        error[key] = "other";
      },
      TypeError,
      key,
    );
  }
});

test("every code says whether money moved, as the core has it", async () => {
  const rust = await readFile(new URL("../../src/error.rs", import.meta.url), "utf8");
  const codes = [...rust.matchAll(/^ {4}\w+ = "(\w+)",$/gm)].map(([, code]) => code);
  assert.ok(codes.length > 20);
  const moved = { payment_unknown: "maybe", no_preimage: "maybe", wrong_preimage: "maybe", request_failed: "yes" };
  for (const code of codes) assert.equal(new L402Error(code, "x").moneyMoved, moved[code] ?? "no", code);
});
