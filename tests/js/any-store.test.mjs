// Whatever a store holds: it is understood, or nothing is paid and not a byte of it changed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { challenge } from "../../bench/mint.mjs";

const { createFetch } = await import("../../dist/node.js");

const JOURNAL = "l402-fetch/journal";
const TOKENS = "l402-fetch/tokens";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const NOW = 1_800_000_000_000;

/** A client on this store, of a server that takes what it sold, and what it has asked the wallet for. */
function client(values, seed) {
  const preimage = Buffer.alloc(32, seed);
  let paid = 0;
  const pay = createFetch({
    wallet: () => (paid++, preimage.toString("hex")),
    store: { get: (key) => values.get(key), set: (key, value) => void values.set(key, value), delete: (key) => void values.delete(key) },
    limits: { perPayment: 100, total: 1000 },
    networks: ["regtest"],
    now: () => NOW,
    fetch: async (url, init) => (url.endsWith("/free") || init?.headers?.get("authorization") ? new Response("sunny")
      : new Response("", { status: 402, headers: { "www-authenticate": challenge(sha256(preimage), NOW) } })),
  });
  return { pay, paid: () => paid };
}

const good = new Map();
for (const seed of [1, 2]) {
  const { pay } = client(good, seed);
  await pay.forget();
  await pay(`http://localhost/${seed}`);
}

/** The stored texts, changed a little: as text, or member by member. */
const place = fc.nat();
const odd = fc.constantFrom(null, true, -1, 0, 0.5, 1e300, 2 ** 53, 2 ** 60, "", "x", "paid", "unknown", "a".repeat(64), [], {}, [{}], { version: 1 });
const asText = fc.tuple(place, fc.constantFrom("cut", "flip", "insert", "drop"), fc.constantFrom("0", "9", "\"", "{", "}", ",", "e", "-", ".", "\\", "\0", "é", "\ud800")).map(([at, how, what]) => (text) => {
  const n = at % text.length;
  return { cut: text.slice(0, n), flip: text.slice(0, n) + what + text.slice(n + 1), insert: text.slice(0, n) + what + text.slice(n), drop: text.slice(0, n) + text.slice(n + 1) }[how];
});
const asMember = fc.tuple(place, odd, fc.boolean()).map(([at, value, removes]) => (text) => {
  const json = JSON.parse(text);
  const places = [];
  const walk = (object) => Object.keys(object).forEach((key) => {
    places.push([object, key]);
    if (typeof object[key] === "object" && object[key]) walk(object[key]);
  });
  walk(json);
  const [object, key] = places[at % places.length];
  if (removes && !Array.isArray(object)) delete object[key];
  else object[key] = value;
  return JSON.stringify(json);
});
const change = fc.oneof(asText, asMember, odd.map((value) => () => JSON.stringify(value)), fc.string().map((text) => () => text));

const isSum = (value) => Number.isSafeInteger(value) && value >= 0;
const outcome = (promise) => promise.then((value) => ({ value }), (error) => ({ code: error.code, error }));

test("a store that was changed by hand, cut short or filled with anything", async () => {
  let understood = 0;
  await fc.assert(fc.asyncProperty(fc.constantFrom(JOURNAL, TOKENS), change, async (key, change) => {
    const values = new Map(good).set(key, change(good.get(key)));
    const before = new Map(values);
    const { pay, paid } = client(values, 3);
    assert.equal((await outcome(pay("http://localhost/free"))).value?.status, 200);
    const [payments, spent] = [await outcome(pay.payments()), await outcome(pay.spent())];
    if (payments.code) {
      assert.deepEqual([payments.code, spent.code], ["store_failed", "store_failed"], payments.error.stack);
      const bought = await outcome(pay("http://localhost/new"));
      // a token that could be read before may still open it; nothing is bought
      assert.ok(bought.code === "store_failed" || bought.value?.status === 200, bought.error?.stack);
      assert.equal(paid(), 0);
      assert.equal((await outcome(pay.forget())).code, "store_failed");
      assert.deepEqual(values, before);
      return;
    }
    understood++;
    assert.ok(payments.value.every((payment) => isSum(payment.amountMsat) && isSum(payment.feeMsat) && isSum(payment.startedAt)), JSON.stringify(payments.value));
    assert.ok(["hour", "day", "total"].every((window) => isSum(spent.value[window])), JSON.stringify(spent.value));
    await pay.forget();
    const bought = await outcome(pay("http://localhost/new"));
    assert.ok(paid() <= 1);
    if (bought.value) assert.equal(bought.value.status, 200);
    else assert.ok(["over_limit", "payment_unknown", "store_failed", "hash_mismatch"].includes(bought.code), bought.error.stack);
    // what was there is there, and the sums hold what is new
    const after = await pay.payments();
    assert.equal(after.length, payments.value.length + paid());
  }), { numRuns: 1500 });
  assert.ok(understood > 100, String(understood));
});
