// Whatever comes in, only what was promised comes out.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { readOptions } from "../../src/js/options.js";
import { readRequest } from "../../src/js/request.js";

const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true });

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
