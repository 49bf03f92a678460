// A store that does anything: at each question of a purchase, or again and again. Nobody pays twice, and who has paid
// has what was paid for. The clock and all timers are set by hand.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { challenge } from "../support/mint.mjs";

const { createFetch, memoryStore } = await import("../../dist/node.js");

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const NOW = 1_800_000_000_000;
const URL = "http://localhost/a";
const mine = new Error("mine");
const never = () => new Promise(() => {});

/** What a store may do in place of `task`, which gives the right answer. Each is told the method as well. */
const FAULTS = {
  throws() {
    throw mine;
  },
  rejects: async () => {
    throw mine;
  },
  hangs: never,
  "does it, and hangs": (task) => task().then(never),
  "does it, and rejects": (task) =>
    task().then(() => {
      throw mine;
    }),
  "does it, and says that a row had changed": (task, method) =>
    task().then((answer) => (method === "write" ? false : answer)),
  "says that a row had changed": async (task, method) => (method === "write" ? false : task()),
  "does it after it was given up": (task, _, wait) => wait(12_000).then(task),
  "does it late": (task, _, wait) => wait(9_000).then(task),
  "gives a number": (task) => task().then(() => 5),
  "gives nothing": (task) => task().then(() => undefined),
  "has lost its rows": async (task, method) => {
    const answer = await task();
    return method === "write" ? answer : answer.map(() => null);
  },
  "gives a thenable that throws": () => ({
    get then() {
      throw mine;
    },
  }),
};

/** The time of a test. It goes on only where everything waits for it. */
function clockOf(t) {
  let time = 0;
  const waiting = new Set();
  const begin = performance.now();
  t.mock.method(performance, "now", () => begin + time);
  t.mock.method(globalThis, "setTimeout", (task, delay = 0, ...given) => {
    const timer = { at: time + Math.max(delay, 0), task: () => task(...given) };
    waiting.add(timer);
    return timer;
  });
  t.mock.method(globalThis, "clearTimeout", (timer) => waiting.delete(timer));
  const idle = async () => {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    now: () => NOW + time,
    wait: (delay) => new Promise((resolve) => setTimeout(resolve, delay)),
    /** Ends the next timer, if it ends by `until`. */
    async step(until = Infinity) {
      await idle();
      const [next] = [...waiting].sort((a, b) => a.at - b.at);
      if (!next || next.at > until) return false;
      waiting.delete(next);
      time = Math.max(time, next.at);
      next.task();
      return true;
    },
    /** What a promise comes to. */
    async outcome(promise) {
      let end;
      promise.then(
        (value) => (end = { value }),
        (error) => (end = { code: error.code, error }),
      );
      await idle();
      while (!end && (await this.step()));
      return end ?? assert.fail("it waits for ever");
    },
    /** Lets so much time go by. */
    async pass(delay) {
      const until = time + delay;
      while (await this.step(until));
      time = until;
    },
    get time() {
      return time;
    },
  };
}

/** A shop that sells for 10 sat, a client of it, and a store whose questions `faultAt` may spoil, by their number. */
function open(clock, faultAt) {
  const real = memoryStore();
  const [preimages, sold, orders] = [new Map(), new Map(), []];
  const shop = { asked: 0, orders, real };
  const ask =
    (method) =>
    (...given) => {
      const task = async () => real[method](...given);
      const fault = FAULTS[faultAt(shop.asked++)];
      return fault ? fault(task, method, clock.wait) : task();
    };
  const client = () =>
    createFetch({
      wallet({ paymentHash }) {
        orders.push(paymentHash);
        return preimages.get(paymentHash);
      },
      store: { read: ask("read"), write: ask("write"), list: ask("list") },
      limits: { perPayment: 100, total: 1000 },
      networks: ["regtest"],
      now: clock.now,
      fetch: async (url, init) => {
        const [, preimage] = /:(.*)$/.exec(new Headers(init?.headers).get("authorization")) ?? [];
        if (url.endsWith("/free") || (preimage && sold.get(preimage) === url)) return new Response("sunny");
        const made = createHash("sha256").update(`${orders.length} ${preimages.size}`).digest();
        preimages.set(sha256(made).toString("hex"), made.toString("hex"));
        sold.set(made.toString("hex"), url);
        const header = challenge(sha256(made), clock.now());
        return new Response("", { status: 402, headers: { "www-authenticate": header } });
      },
    });
  return Object.assign(shop, { client, pay: client() });
}

/** The store works again: what was bought is there, whoever asks, and the sums are the wallet's. */
async function assertSound(clock, shop, note) {
  await clock.pass(60_000);
  for (const pay of [shop.pay, shop.client()]) {
    const { value, error } = await clock.outcome(pay(URL));
    assert.equal(value?.status, 200, `${note}: ${error?.stack}`);
  }
  const payments = (await clock.outcome(shop.client().payments())).value;
  const paid = payments.filter(({ state }) => state === "paid").map(({ paymentHash }) => paymentHash);
  assert.deepEqual(paid.sort(), [...shop.orders].sort(), note);
  assert.ok(
    payments.every(({ state }) => state === "paid" || state === "failed"),
    note,
  );
  assert.equal((await clock.outcome(shop.client().spent())).value.total, 10 * shop.orders.length, note);
}

test("one fault at any question of a purchase: at most one payment, and no question unanswered", async (t) => {
  const clock = clockOf(t);
  // the core is loaded before anything is counted
  await createFetch({ wallet: () => "", limits: { perPayment: 1 } }).warm();
  const clean = open(clock, () => undefined);
  assert.equal((await clock.outcome(clean.pay(URL))).value.status, 200);
  await clock.pass(60_000);
  assert.ok(clean.asked >= 4, `${clean.asked} questions`);
  const ends = {};
  for (let at = 0; at < clean.asked; at++) {
    for (const fault of Object.keys(FAULTS)) {
      const note = `question ${at} ${fault}`;
      const shop = open(clock, (number) => (number === at ? fault : undefined));
      const begun = clock.time;
      const { value, code, error } = await clock.outcome(shop.pay(URL));
      assert.ok(clock.time - begun < 60_000, `${note}: ${clock.time - begun} ms`);
      assert.ok(value?.status === 200 || code === "store_failed", `${note}: ${error?.stack}`);
      assert.ok(shop.orders.length <= 1, note);
      if (shop.orders.length === 1) assert.equal(value?.status, 200, note);
      assert.equal(error?.moneyMoved ?? "no", "no", note);
      ends[code ?? "paid"] = (ends[code ?? "paid"] ?? 0) + 1;
      await assertSound(clock, shop, note);
      assert.equal(shop.orders.length, 1, note);
    }
  }
  assert.ok(ends.paid > 10, JSON.stringify(ends));
});

test("a store that always fails in one way: what is free is served, and nothing is paid", async (t) => {
  const clock = clockOf(t);
  await createFetch({ wallet: () => "", limits: { perPayment: 1 } }).warm();
  const harmless = ["does it late", "has lost its rows"];
  for (const fault of Object.keys(FAULTS)) {
    const shop = open(clock, () => fault);
    const free = await clock.outcome(shop.pay("http://localhost/free"));
    assert.equal(free.value?.status, 200, fault);
    const begun = clock.time;
    const { value, code, error } = await clock.outcome(shop.pay(URL));
    if (harmless.includes(fault)) assert.equal(value?.status, 200, `${fault}: ${error?.stack}`);
    else {
      assert.equal(code, "store_failed", `${fault}: ${error?.stack}`);
      assert.equal(error.response.status, 402);
      assert.equal(error.response.bodyUsed, false);
      if (["throws", "rejects", "does it, and rejects"].includes(fault)) assert.equal(error.cause, mine, fault);
      assert.equal(shop.orders.length, 0, fault);
      for (const ask of [() => shop.pay.payments(), () => shop.pay.spent(), () => shop.pay.forget()])
        if (!/a row had changed$/.test(fault)) assert.equal((await clock.outcome(ask())).code, "store_failed", fault);
    }
    assert.ok(clock.time - begun < 120_000, `${fault}: ${clock.time - begun} ms`);
  }
});

test("any faults in any order: who has paid has what was paid for, and the sums are the wallet's", async (t) => {
  const clock = clockOf(t);
  await createFetch({ wallet: () => "", limits: { perPayment: 1 } }).warm();
  const plan = fc.array(fc.constantFrom("none", "none", ...Object.keys(FAULTS)), { maxLength: 40 });
  const seen = {};
  await fc.assert(
    fc.asyncProperty(plan, fc.integer({ min: 1, max: 4 }), async (plan, calls) => {
      const shop = open(clock, (number) => plan[number]);
      for (let call = 0; call < calls; call++) {
        const before = shop.orders.length;
        const { value, code, error } = await clock.outcome(shop.pay(`http://localhost/${call}`));
        assert.ok(value?.status === 200 || code === "store_failed", error?.stack);
        assert.ok(shop.orders.length - before <= 1);
        if (shop.orders.length > before) assert.equal(value?.status, 200);
        seen[code ?? "bought"] = true;
      }
      plan.length = 0;
      await assertSound(clock, shop, JSON.stringify(plan));
    }),
    { numRuns: 150 },
  );
  assert.ok(seen.bought && seen.store_failed);
});
