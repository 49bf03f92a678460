// A store with anything in it, and one that does anything. Its rows are understood or never overwritten; nobody pays
// twice, and who has paid has what was paid for.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { challenge } from "../support/mint.mjs";

const { createFetch, memoryStore } = await import("../../dist/node.js");

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const NOW = 1_800_000_000_000;
const ALL = { limit: 1000 };
const rowsOf = async (store) => Object.fromEntries(await store.list("", ALL));
const outcome = (promise) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ code: error.code, error }),
  );

/**
 * A client on this store, of servers that accept the tokens that they sold for a path, and give `/free` away. `orders`:
 * the payment hashes that the wallet was asked to pay.
 */
function open(store, more = {}) {
  const [preimages, sold, orders] = [new Map(), new Map(), []];
  const pay = createFetch({
    wallet({ paymentHash }) {
      orders.push(paymentHash);
      return preimages.get(paymentHash);
    },
    store,
    limits: { perPayment: 100, total: 1000 },
    networks: ["regtest"],
    now: () => NOW,
    fetch: async (url, init) => {
      const [, , preimage] = /^L402 (.*):(.*)$/.exec(new Headers(init?.headers).get("authorization")) ?? [];
      if (url.endsWith("/free") || (preimage && sold.get(preimage) === url)) return new Response("sunny");
      const made = crypto.getRandomValues(new Uint8Array(32));
      const hash = sha256(made);
      preimages.set(hash.toString("hex"), Buffer.from(made).toString("hex"));
      sold.set(Buffer.from(made).toString("hex"), url);
      return new Response("", { status: 402, headers: { "www-authenticate": challenge(hash, NOW) } });
    },
    ...more,
  });
  return { pay, orders };
}

/** Rows of every kind: two paid payments with tokens, one that failed and one of an unknown outcome. */
async function goodRows() {
  const store = memoryStore();
  for (const [path, answer] of Object.entries({
    "a/1": undefined,
    "b/2": undefined,
    "c/3": { failed: "no" },
    "d/4": {},
  })) {
    const { pay, orders } = open(store, answer && { wallet: () => answer });
    await outcome(pay(`http://${path.replace("/", ".localhost/")}`));
    if (!answer) assert.equal(orders.length, 1);
  }
  return rowsOf(store);
}
const good = await goodRows();

/** A change of a row's text: of its characters, or of a member. */
const place = fc.nat();
const odd = fc.constantFrom(
  null,
  true,
  -1,
  0,
  0.5,
  1e300,
  2 ** 53,
  2 ** 60,
  "",
  "x",
  "paid",
  "unknown",
  "a".repeat(64),
  [],
  {},
  [{}],
  { v: 1 },
);
const asText = fc
  .tuple(
    place,
    fc.constantFrom("cut", "flip", "insert", "drop"),
    fc.constantFrom("0", "9", '"', "{", "}", ",", "e", "-", ".", "\\", "\0", "é", "\ud800"),
  )
  .map(([at, how, what]) => (text) => {
    const n = at % (text.length || 1);
    return {
      cut: text.slice(0, n),
      flip: text.slice(0, n) + what + text.slice(n + 1),
      insert: text.slice(0, n) + what + text.slice(n),
      drop: text.slice(0, n) + text.slice(n + 1),
    }[how];
  });
const asMember = fc.tuple(place, odd, fc.boolean()).map(([at, value, removes]) => (text) => {
  const json = text ? JSON.parse(text) : {};
  const places = [[json, "new"]];
  const walk = (object) =>
    Object.keys(object).forEach((key) => {
      places.push([object, key]);
      if (typeof object[key] === "object" && object[key]) walk(object[key]);
    });
  walk(json);
  const [object, key] = places[at % places.length];
  if (removes && !Array.isArray(object)) delete object[key];
  else object[key] = value;
  return JSON.stringify(json);
});
const laterVersion = fc.constant((text) => text.replace(/^\{"v":1/, '{"v":2'));
const change = fc.oneof(
  { weight: 4, arbitrary: asText },
  { weight: 4, arbitrary: asMember },
  { weight: 1, arbitrary: laterVersion },
  { weight: 1, arbitrary: odd.map((value) => () => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string().map((text) => () => text) },
);
const isSum = (value) => Number.isSafeInteger(value) && value >= 0;

test("a row that was changed by hand, cut short, or written by a later version", async () => {
  const seen = { understood: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(good)), change, async (key, change) => {
      const store = memoryStore();
      await store.write({ ...good, [key]: change(good[key]) }, {});
      const before = await rowsOf(store);
      const { pay, orders } = open(store);
      assert.equal((await outcome(pay("http://a.localhost/free"))).value?.status, 200);
      const told = {
        payments: await outcome(pay.payments()),
        spent: await outcome(pay.spent()),
        spentThere: await outcome(pay.spent("http://a.localhost")),
        old: await outcome(pay("http://a.localhost/1")),
        new: await outcome(pay("http://a.localhost/5")),
        open: await outcome(pay("http://d.localhost/4")),
      };
      for (const [name, { code, error }] of Object.entries(told)) {
        const codes = ["store_failed"];
        if (["old", "new", "open"].includes(name)) codes.push("over_limit", "payment_unknown", "not_honored");
        assert.ok(code === undefined || codes.includes(code), `${name}: ${error?.stack}`);
      }
      assert.ok(orders.length <= 3);
      if (told.new.value) assert.equal(told.new.value.status, 200);
      for (const payment of told.payments.value ?? [])
        assert.ok(isSum(payment.amountMsat) && isSum(payment.feeMsat) && isSum(payment.startedAt), key);
      for (const { value } of [told.spent, told.spentThere])
        if (value)
          assert.ok(
            ["hour", "day", "total"].every((window) => isSum(value[window])),
            JSON.stringify(value),
          );
      if (Object.values(told).every(({ code }) => code !== "store_failed")) {
        seen.understood++;
        return;
      }
      seen.refused++;
      assert.equal((await rowsOf(store))[key], before[key], `${key} was overwritten`);
      // it drops tokens, whatever they are
      const forgot = await outcome(pay.forget());
      assert.ok(forgot.code === undefined || forgot.code === "store_failed", forgot.error?.stack);
      const kept = /^(?:token|path)\//.test(key) && !forgot.code ? undefined : before[key];
      assert.equal((await rowsOf(store))[key], kept);
    }),
    { numRuns: 1_200 },
  );
  assert.ok(seen.understood > 100 && seen.refused > 100, JSON.stringify(seen));
});
