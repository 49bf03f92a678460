// Any content of a store. It is understood, or nothing is paid and no byte of it changes.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { challenge } from "../support/mint.mjs";

const { createFetch } = await import("../../dist/node.js");

const JOURNAL = "l402-fetch/journal";
const TOKENS = "l402-fetch/tokens";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const NOW = 1_800_000_000_000;

/** A client on this store, of a server that accepts the tokens that it sold. Notes the orders to the wallet. */
function client(values, seed) {
  const preimage = Buffer.alloc(32, seed);
  let paid = 0;
  const pay = createFetch({
    wallet: () => {
      paid++;
      return preimage.toString("hex");
    },
    store: {
      get: (key) => values.get(key),
      set: (key, value) => void values.set(key, value),
      delete: (key) => void values.delete(key),
    },
    limits: { perPayment: 100, total: 1000 },
    networks: ["regtest"],
    now: () => NOW,
    fetch: async (url, init) =>
      url.endsWith("/free") || new Headers(init?.headers).get("authorization")
        ? new Response("sunny")
        : new Response("", { status: 402, headers: { "www-authenticate": challenge(sha256(preimage), NOW) } }),
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
  { version: 1 },
);
const asText = fc
  .tuple(
    place,
    fc.constantFrom("cut", "flip", "insert", "drop"),
    fc.constantFrom("0", "9", '"', "{", "}", ",", "e", "-", ".", "\\", "\0", "é", "\ud800"),
  )
  .map(([at, how, what]) => (text) => {
    const n = at % text.length;
    return {
      cut: text.slice(0, n),
      flip: text.slice(0, n) + what + text.slice(n + 1),
      insert: text.slice(0, n) + what + text.slice(n),
      drop: text.slice(0, n) + text.slice(n + 1),
    }[how];
  });
const asMember = fc.tuple(place, odd, fc.boolean()).map(([at, value, removes]) => (text) => {
  const json = JSON.parse(text);
  const places = [];
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
const change = fc.oneof(
  asText,
  asMember,
  odd.map((value) => () => JSON.stringify(value)),
  fc.string().map((text) => () => text),
);

const isSum = (value) => Number.isSafeInteger(value) && value >= 0;
const outcome = (promise) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ code: error.code, error }),
  );

test("a store that was changed by hand, cut short or filled with anything", async () => {
  let understood = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(JOURNAL, TOKENS), change, async (key, change) => {
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
      assert.ok(
        payments.value.every(
          (payment) => isSum(payment.amountMsat) && isSum(payment.feeMsat) && isSum(payment.startedAt),
        ),
        JSON.stringify(payments.value),
      );
      assert.ok(
        ["hour", "day", "total"].every((window) => isSum(spent.value[window])),
        JSON.stringify(spent.value),
      );
      await pay.forget();
      const bought = await outcome(pay("http://localhost/new"));
      assert.ok(paid() <= 1);
      if (bought.value) assert.equal(bought.value.status, 200);
      else
        assert.ok(
          ["over_limit", "payment_unknown", "store_failed", "hash_mismatch"].includes(bought.code),
          bought.error.stack,
        );
      // what was there is there, and the sums hold what is new
      const after = await pay.payments();
      assert.equal(after.length, payments.value.length + paid());
    }),
    { numRuns: 1_600 },
  );
  assert.ok(understood > 50, String(understood));
});

test("a store that fails in any way, and a lock that keeps none of its promises", async () => {
  const cause = new Error("mine");
  const faults = {
    none: (task) => task(),
    throws: () => {
      throw cause;
    },
    rejects: () => Promise.reject(cause),
    late: async (task) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return task();
    },
    thenable: (task) => ({ then: (done) => done(task()) }),
    throwingThenable: () => ({
      then() {
        throw cause;
      },
    }),
    // The write happens, and reports a failure.
    lies: (task) => {
      task();
      throw cause;
    },
    // no answer of a get, and all the same to the others
    odd(task) {
      task();
      return 5;
    },
  };
  const states = [
    undefined,
    null,
    5,
    {},
    { takenOver: NaN },
    { takenOver: Infinity },
    { takenOver: "1" },
    { takenOver: -1 },
    { takenOver: NOW },
  ];
  const locks = {
    ...faults,
    skips: () => Promise.resolve(),
    early: (task) => void task(),
    twice: (task) => Promise.all([task(), task()]),
    resolvesEarly: async (task) => void task(),
    rejectsAfter: async (task) => {
      await task();
      throw cause;
    },
  };
  const plan = fc.array(fc.constantFrom("none", "none", "none", "none", ...Object.keys(faults)), { maxLength: 40 });
  const lockPlan = fc.option(
    fc.array(fc.tuple(fc.constantFrom("none", "none", ...Object.keys(locks)), fc.constantFrom(...states)), {
      maxLength: 20,
    }),
    { nil: undefined },
  );
  const seen = {};
  await fc.assert(
    fc.asyncProperty(plan, lockPlan, fc.integer({ min: 1, max: 4 }), async (plan, lockPlan, calls) => {
      const values = new Map();
      const next = (list, otherwise) => (list.length > 0 ? list.shift() : otherwise);
      const [ops, turns] = [[...plan], lockPlan && [...lockPlan]];
      const act = (task) => faults[next(ops, "none")](task);
      const store = {
        get: (key) => act(() => values.get(key)),
        set: (key, value) => act(() => void values.set(key, value)),
        delete: (key) => act(() => void values.delete(key)),
        ...(turns && {
          lock(_, task) {
            const [how, state] = next(turns, ["none"]);
            return locks[how](() => task(state));
          },
        }),
      };
      let server = 0;
      let time = NOW;
      const preimages = new Map();
      const paid = [];
      const pay = createFetch({
        store,
        wallet: ({ paymentHash }) => {
          paid.push(paymentHash);
          return preimages.get(paymentHash);
        },
        limits: { perPayment: 100, total: 45 },
        networks: ["regtest"],
        now: () => time,
        fetch: async (url, init) => {
          if (url.endsWith("/free") || new Headers(init?.headers).get("authorization")) return new Response("sunny");
          const preimage = Buffer.alloc(32, ++server);
          preimages.set(sha256(preimage).toString("hex"), preimage.toString("hex"));
          return new Response("", { status: 402, headers: { "www-authenticate": challenge(sha256(preimage), NOW) } });
        },
      });
      assert.equal((await pay("http://localhost/free")).status, 200);
      for (let i = 0; i < calls; i++) {
        const before = paid.length;
        const { value, code, error } = await outcome(pay(`http://localhost/${i}`));
        assert.ok(paid.length - before <= 1);
        assert.ok(
          value?.status === 200 || code === "store_failed" || (code === "payment_unknown" && plan.includes("lies")),
          error?.stack,
        );
        // who has paid has what was paid for
        if (paid.length > before) assert.equal(value?.status, 200);
        seen[code ?? "bought"] = true;
      }
      assert.ok(paid.length <= 1, "the first token opens all of this server");
      assert.equal((await pay("http://localhost/free")).status, 200);
      // the store works again; what it wrote, failed then, and could not be read then to take it back, the user must
      // settle
      ops.length = 0;
      if (turns) turns.length = 0;
      for (const { state, paymentHash } of await pay.payments()) {
        if (state === "paid") continue;
        assert.ok(state === "pending" && plan.includes("lies") && !paid.includes(paymentHash));
        // without a lock nobody can tell before its time is over that no other instance is about to pay
        if (!turns) time = NOW + 301_000;
        await pay.resolve(paymentHash, "failed");
      }
      assert.equal((await pay("http://localhost/last")).status, 200);
      assert.ok(paid.length <= 1);
      const payments = await pay.payments();
      assert.deepEqual(
        payments.filter(({ state }) => state === "paid").map(({ paymentHash }) => paymentHash),
        paid,
      );
      assert.equal((await pay.spent()).total, 10 * payments.filter(({ state }) => state !== "failed").length);
    }),
    { numRuns: 300 },
  );
  assert.ok(seen.bought && seen.store_failed);
});
