// Any input gives only the documented results.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { environment } from "../../src/js/core/env.js";
import { readOptions } from "../../src/js/core/options.js";
import { readCall } from "./calls.mjs";

const { head } = environment({ wallet() {}, method: null, now: Date.now });
/** What the core reads of a call: three flags, its address or null, and its method. */
function assertHead(text) {
  const [replayable, brought, payable, url, method, ...others] = JSON.parse(text);
  assert.ok([0, 1, 2, 3].includes(brought), text);
  for (const flag of [replayable, payable]) assert.equal(typeof flag, "boolean", text);
  assert.ok(url === null || (typeof url === "string" && url !== ""), text);
  assert.equal(typeof method, "string", text);
  assert.deepEqual(others, []);
}
const MEMBERS = ["method", "url", "plain", "replayable", "brought", "payable", "signal"];

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withTypedArray: true,
});

test("a host pattern that is read names a host, and reads as itself", () => {
  const part = fc.oneof(
    fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true, withUserInfo: true }),
    fc.domain(),
    fc.string(),
    fc.constantFrom("*.", "https://", "http://", ":", "/"),
  );
  const hostsOf = (hosts) => readOptions({ wallet() {}, limits: { perPayment: 1 }, hosts }).config.hosts;
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 3 }).map((parts) => parts.join("")),
      (given) => {
        let read;
        try {
          [read] = hostsOf([given]);
        } catch (error) {
          return assert.equal(error.code, "invalid_options");
        }
        assert.deepEqual(hostsOf([read]), [read]);
        const { origin } = new URL(/^https?:/.test(read) ? read : `http://${read.replace(/^\*\./, "a.")}`);
        assert.notEqual(origin, "null");
      },
    ),
    { numRuns: 500 },
  );
});

test("no arguments of a fetch make us throw before fetch does", () => {
  const member = fc.constantFrom("method", "headers", "body", "signal", "cache", "mode", "redirect");
  fc.assert(
    fc.property(anything, fc.oneof(anything, fc.dictionary(member, anything)), (input, init) => {
      let sent = 0;
      const call = readCall(input, init, { fetch: () => sent++, forwards: true });
      for (const key of MEMBERS) call[key];
      assertHead(head(call));
      call.hold();
      call.send();
      call.send(undefined, true);
      call.drop();
      assert.equal(sent, 2);
    }),
  );
});

test("arguments that throw when they are read are refused by fetch, not by us", async () => {
  const mine = new Error("mine");
  const boom = () => {
    throw mine;
  };
  const trap = new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom });
  const getter = (key) => Object.defineProperty({}, key, { get: boom, enumerable: true });
  const headers = [
    trap,
    { has: boom, append: boom },
    { [Symbol.iterator]: boom },
    {
      *[Symbol.iterator]() {
        yield ["a", "b"];
        boom();
      },
    },
    [null],
    [trap],
    getter("x"),
  ];
  const bodies = [trap, getter(Symbol.toStringTag)];
  const inits = [
    trap,
    ...["method", "headers", "body", "signal", "cache", "mode", "redirect"].map(getter),
    ...headers.map((headers) => ({ headers })),
    ...bodies.map((body) => ({ body, method: "POST" })),
  ];
  const request = (key) =>
    Object.defineProperty({ clone() {}, url: "https://a.example/", method: "GET", headers: new Headers() }, key, {
      get: boom,
    });
  const inputs = [
    "https://a.example/",
    { toString: boom },
    trap,
    ...["url", "method", "headers", "body", "signal", "cache", "mode", "clone"].map(request),
  ];
  for (const input of inputs) {
    for (const init of [undefined, ...inits]) {
      const seen = [];
      const shape = init && init !== trap && Object.getOwnPropertyDescriptors(init);
      const call = readCall(input, init, { fetch: (...args) => seen.push(args) });
      for (const key of MEMBERS) call[key];
      assertHead(head(call));
      await call.send();
      call.drop();
      assert.deepEqual(seen.length, 1);
      assert.equal(seen[0][0], input);
      assert.equal(seen[0][1], init);
      if (shape) assert.deepEqual(Object.getOwnPropertyDescriptors(init), shape);
    }
  }
});
