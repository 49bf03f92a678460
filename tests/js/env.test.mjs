import assert from "node:assert/strict";
import test from "node:test";
import { environment } from "../../src/js/core/env.js";
import { RECORDS } from "../../src/js/core/records.js";

const LEDGER = "l402-fetch/ledger";
const never = () => new Promise(() => {});
const env = (store) => environment({ wallet: () => {}, store, now: Date.now });
/** Lets every promise that can settle do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function outcome(promise) {
  let seen = "pending";
  promise.then(
    (value) => (seen = { value }),
    (error) => (seen = { error: error.message }),
  );
  await settle();
  return () => seen;
}

test("a store that never answers is given up after a minute", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hung = env({ get: never, set: never, delete: never, lock: never });
  for (const [method, ask] of [
    ["get", () => hung.load("k")],
    ["set", () => hung.save("k", "v")],
    ["lock", () => hung.lock(LEDGER)],
  ]) {
    const seen = await outcome(ask());
    t.mock.timers.tick(59_999);
    await settle();
    assert.equal(seen(), "pending", method);
    t.mock.timers.tick(1);
    await settle();
    assert.deepEqual(seen(), { error: `store.${method} did not answer within 60 s` });
  }
});

test("a purchase waits for its lock as long as it takes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = await outcome(
    env({ get: never, set: never, delete: never, lock: never }).lock("l402-fetch/purchase/https://a.example"),
  );
  t.mock.timers.tick(600_000);
  await settle();
  assert.equal(seen(), "pending");
});

test("a lock that comes after the wait was given up is freed at once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let grant;
  let freed = false;
  const lock = (_, task) => new Promise((resolve) => (grant = () => resolve(task().then(() => (freed = true)))));
  const seen = await outcome(env({ get: never, set: never, delete: never, lock }).lock(LEDGER));
  t.mock.timers.tick(60_000);
  await settle();
  assert.deepEqual(seen(), { error: "store.lock did not answer within 60 s" });
  grant();
  await settle();
  assert.equal(freed, true);
});

test("a purchase's lock is freed as soon as it comes, if nobody waits for it", async () => {
  let grant;
  let freed = false;
  const lock = (_, task) => new Promise((resolve) => (grant = () => resolve(task().then(() => (freed = true)))));
  const given = env({ get: never, set: never, delete: never, lock });
  given.unlock(given.lock("l402-fetch/purchase/https://a.example"));
  await settle();
  grant();
  await settle();
  assert.equal(freed, true);

  const broken = env({
    get: never,
    set: never,
    delete: never,
    lock: async () => {
      throw new Error("no lock");
    },
  });
  const asked = broken.lock("l402-fetch/purchase/https://a.example");
  broken.unlock(asked);
  await assert.rejects(asked, /no lock/);
});

test("a write that hangs is not overtaken, and does not outlive its lock", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const writes = [];
  let finish;
  let freed = false;
  const store = {
    get: never,
    set: (_key, value) => {
      writes.push(value);
      if (value === "first") return new Promise((resolve) => (finish = resolve));
    },
    delete: never,
    lock: async (_, task) => {
      await task();
      freed = true;
    },
  };
  const shared = env(store);
  const release = await shared.lock(LEDGER);
  const first = await outcome(shared.save("k", "first"));
  t.mock.timers.tick(60_000);
  await settle();
  assert.deepEqual(first(), { error: "store.set did not answer within 60 s" });
  release();
  const second = await outcome(shared.save("k", "second"));
  assert.deepEqual([writes, freed, second()], [["first"], false, "pending"]);
  finish();
  await settle();
  assert.deepEqual([writes, freed, second()], [["first", "second"], true, { value: undefined }]);
});

test("a response of any make is released without a throw", () => {
  for (const body of [null, undefined, {}, { cancel: () => 1 }, { cancel: () => Promise.reject(new Error("no")) }])
    env().discard({ body });
  env().discard({
    body: {
      cancel: () => {
        throw new Error("no");
      },
    },
  });
});

test("a wallet's signal fires at the timeout, whenever the wallet first looks at it", async () => {
  let context;
  let end;
  const wallet = {
    pay(_, given) {
      context = given;
      return new Promise((resolve) => (end = resolve));
    },
  };
  const paid = environment({ wallet, method: "pay", now: Date.now }).pay("{}", "https://a.example/", 0, 20);
  const early = context.signal;
  assert.equal(early.aborted, false);
  await new Promise((resolve) => early.addEventListener("abort", resolve));
  assert.equal(early.reason.name, "TimeoutError");
  end({});
  await paid;

  const late = environment({ wallet, method: "pay", now: Date.now }).pay("{}", "https://a.example/", 0, 0);
  assert.equal(context.signal.aborted, true);
  end({});
  await late;
});

test("a wallet's answer crosses as JSON text, with its error object beside it", async () => {
  const cause = { own: "error" };
  const table = [
    [{ preimage: "ab", feeMsat: 5 }, undefined, { preimage: "ab", feeMsat: 5 }],
    [true, undefined, { proven: true }],
    [undefined, undefined, { nothing: "undefined" }],
    [{ failed: "no route", cause }, cause, { failed: "no route" }],
    [{ failed: "no route", cause: undefined }, undefined, { failed: "no route" }],
    // texts that were cut in the middle of a surrogate pair, which the core's reader refuses
    [{ failed: "\ud83d" }, undefined, { failed: "\ufffd" }],
    [{ failed: "a\udc00\\ud83d" }, undefined, { failed: "a\ufffd\\ud83d" }],
    [{ failed: "😀\\" }, undefined, { failed: "😀\\" }],
  ];
  for (const [answer, object, data] of table) {
    const wallet = { pay: () => answer };
    const [other, text] = await environment({ wallet, method: "pay", now: Date.now }).pay(
      "{}",
      "https://a.example/",
      0,
      20,
    );
    assert.equal(other, object);
    assert.deepEqual(JSON.parse(text), data);
  }
  const threw = Object.assign(new Error("busy"), { [RECORDS]: "known" });
  const wallet = {
    pay() {
      throw threw;
    },
  };
  const [other, text] = await environment({ wallet, method: "pay", now: Date.now }).pay(
    "{}",
    "https://a.example/",
    0,
    20,
  );
  assert.equal(other, threw);
  assert.deepEqual(JSON.parse(text), { heard: "known" });
});

test("the answers of lookup and onUnknown cross as JSON text", async () => {
  for (const [found, data] of [
    [
      { state: "paid", preimage: "ab" },
      { state: "paid", preimage: "ab" },
    ],
    [
      { state: "failed", begunAt: 7 },
      { state: "failed", begunAt: 7 },
    ],
    [{ state: "no such state" }, null],
    [undefined, null],
  ]) {
    const wallet = { pay() {}, lookup: () => found };
    assert.deepEqual(JSON.parse(await environment({ wallet, method: "pay", now: Date.now }).lookup("00")), data);
  }
  for (const [told, data] of [
    ["failed", { failed: true }],
    [{ preimage: "failed" }, { failed: false, preimage: "failed" }],
    [{ preimage: "\ud83d" }, { failed: false, preimage: "\ufffd" }],
    [undefined, { failed: false }],
    ["paid", { failed: false }],
  ]) {
    const { unknown } = environment({ wallet: {}, now: Date.now, onUnknown: () => told });
    assert.deepEqual(JSON.parse(await unknown("{}")), data);
  }
});

test("an error has the details that its text holds, and its cause by identity", () => {
  const response = {};
  const { error } = env();
  const full = error(
    '{"code":"a","message":"b","payment":{"c":1},"quote":{"d":2},"hasCause":true}',
    response,
    undefined,
  );
  assert.deepEqual([full.code, full.message, full.payment, full.quote], ["a", "b", { c: 1 }, { d: 2 }]);
  assert.ok(full.response === response && "cause" in full && full.cause === undefined);
  const bare = error('{"code":"a","message":"b","hasCause":false}', undefined, undefined);
  for (const name of ["payment", "quote", "response", "cause"]) assert.equal(name in bare, false, name);
});

test("a cancelled timer settles, and keeps no process running", async () => {
  const { promise, cancel } = env().timer(60_000);
  cancel();
  await promise;
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((name) => name === "Timeout"),
    [],
  );
});

test("a listener that rejects is ignored like one that throws, and is called at once", async (t) => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const seen = [];
  const listeners = [
    async () => {
      throw new Error("mine");
    },
    () => {
      throw new Error("mine");
    },
    () => Promise.reject(new Error("mine")),
    () => ({
      then() {
        throw new Error("mine");
      },
    }),
    () => ({
      get then() {
        throw new Error("mine");
      },
    }),
  ];
  for (const listener of listeners) {
    const onEvent = (event) => {
      seen.push(event.type);
      return listener();
    };
    environment({ wallet: () => {}, onEvent }).tell('{"type":"paying"}');
  }
  assert.deepEqual(seen, Array(listeners.length).fill("paying"));
  await settle();
  await settle();
  assert.deepEqual(unhandled, []);
});

test("an impossible time of the clock is refused", () => {
  const clocks = [NaN, -1, Infinity, 2 ** 53, 1e18, "5", 5n, undefined, null, {}].map((time) => () => time);
  for (const now of [
    ...clocks,
    () => {
      throw new Error("mine");
    },
  ]) {
    assert.ok(Math.abs(environment({ wallet: {}, now }).now() - Date.now()) < 60_000);
  }
  for (const time of [0, 5.5, 2 ** 53 - 1]) assert.equal(environment({ wallet: {}, now: () => time }).now(), time);
});
