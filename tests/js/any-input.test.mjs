// Whatever comes in, only what was promised comes out.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { L402Error } from "../../src/js/error.js";
import { readOptions } from "../../src/js/options.js";
import { readRequest } from "../../src/js/request.js";
import { readWallet } from "../../src/js/wallet.js";

const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true });

test("options are read or refused with invalid_options, and what is read is JSON", () => {
  const key = fc.constantFrom("store", "networks", "hosts", "protocols", "proof", "paymentTimeout", "approve", "fetch", "now", "onEvent");
  const limit = fc.constantFrom("perPayment", "perHour", "perDay", "total", "perOrigin");
  const options = fc.record({ wallet: fc.oneof(fc.constant(() => ""), anything), limits: fc.oneof(fc.dictionary(limit, fc.oneof(fc.nat(), anything)), anything) })
    .chain((base) => fc.dictionary(fc.oneof({ weight: 9, arbitrary: key }, { weight: 1, arbitrary: fc.string() }), anything).map((rest) => ({ ...base, ...rest })));
  fc.assert(fc.property(fc.oneof(options, anything), (given) => {
    try {
      const { config } = readOptions(given);
      assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
    } catch (error) {
      assert.ok(error instanceof L402Error, String(error));
      assert.equal(error.code, "invalid_options");
    }
  }));
});

test("a host pattern that is read names a host, and reads as itself", () => {
  const part = fc.oneof(fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true, withUserInfo: true }), fc.domain(), fc.string(), fc.constantFrom("*.", "https://", "http://", ":", "/"));
  const hostsOf = (hosts) => readOptions({ wallet() {}, limits: { perPayment: 1 }, hosts }).config.hosts;
  fc.assert(fc.property(fc.array(part, { maxLength: 3 }).map((parts) => parts.join("")), (given) => {
    let read;
    try {
      [read] = hostsOf([given]);
    } catch (error) {
      return assert.equal(error.code, "invalid_options");
    }
    assert.deepEqual(hostsOf([read]), [read]);
    const { origin } = new URL(/^https?:/.test(read) ? read : `http://${read.replace(/^\*\./, "a.")}`);
    assert.notEqual(origin, "null");
  }), { numRuns: 500 });
});

test("an answer of a wallet becomes one of four", async () => {
  const word = fc.constantFrom("preimage", "payment_preimage", "failed", "cause", "feeMsat", "fees_paid");
  await fc.assert(fc.asyncProperty(fc.oneof(anything, fc.dictionary(word, fc.oneof(anything, fc.string(), fc.nat()))), async (answer) => {
    const read = await readWallet(() => answer).pay({}, {});
    assert.equal(["preimage", "failed", "proven", "nothing"].filter((key) => key in read).length, 1);
    if ("preimage" in read) assert.equal(typeof read.preimage, "string");
    if ("feeMsat" in read) assert.ok(Number.isSafeInteger(read.feeMsat) && read.feeMsat >= 0);
    if ("failed" in read) assert.ok(typeof read.failed === "string" && read.failed);
  }));
});

test("no arguments of a fetch make us throw before fetch does", () => {
  const member = fc.constantFrom("method", "headers", "body", "signal", "cache", "mode", "redirect");
  fc.assert(fc.property(anything, fc.oneof(anything, fc.dictionary(member, anything)), (input, init) => {
    let sent = 0;
    const call = readRequest(input, init, { fetch: () => sent++, followByHand: true });
    for (const key of ["method", "url", "origin", "replayable", "authorized", "payable", "signal"]) call[key];
    call.hold();
    call.send();
    call.send(undefined, true);
    call.drop();
    assert.equal(sent, 2);
  }));
});
