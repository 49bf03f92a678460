import assert from "node:assert/strict";
import { createServer } from "node:http";
import { brotliCompressSync, constants } from "node:zlib";
import test from "node:test";
import { environment, hooksOf } from "../../src/js/core/env.js";
import { RECORDS } from "../../src/js/core/records.js";
import { listen } from "../support/listen.mjs";

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

/** What the core asks of a store, and what it is told. */
const asks = {
  read: (env) => env.read('["a","b"]'),
  write: (env) => env.write('[["a","1"],["b",null]]', '[["a",null]]'),
  list: (env) => env.list('{"prefix":"a","limit":9}'),
};

test("a store is asked with keys and rows, and its answers cross as JSON text", async () => {
  const seen = [];
  const { read, write, list } = env({
    async read(...given) {
      seen.push(given);
      return [null, "1"];
    },
    async write(...given) {
      seen.push(given);
      return false;
    },
    async list(...given) {
      seen.push(given);
      return [["a", "1"]];
    },
  });
  assert.equal(await read('["a","b"]'), '[null,"1"]');
  assert.equal(await write('[["a","1"],["b",null]]', '[["__proto__",null]]'), false);
  assert.equal(await list('{"prefix":"a","limit":9}'), '[["a","1"]]');
  assert.equal(await list('{"prefix":"a","after":"ab","limit":9,"reverse":true}'), '[["a","1"]]');
  const before = Object.fromEntries([["__proto__", null]]);
  assert.deepEqual(seen, [
    [["a", "b"]],
    [{ a: "1", b: null }, before],
    ["a", { limit: 9 }],
    ["a", { after: "ab", limit: 9, reverse: true }],
  ]);
});

test("a store that never answers is given up after ten seconds; a later answer changes nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [method, ask] of Object.entries(asks)) {
    for (const end of [(answer) => answer.resolve(true), (answer) => answer.reject(new Error("late"))]) {
      const answer = {};
      const late = () => new Promise((resolve, reject) => Object.assign(answer, { resolve, reject }));
      const seen = await outcome(ask(env({ [method]: late })));
      t.mock.timers.tick(9_999);
      await settle();
      assert.equal(seen(), "pending", method);
      t.mock.timers.tick(1);
      await settle();
      const given = { error: `store.${method} did not answer within 10 s` };
      assert.deepEqual(seen(), given);
      end(answer);
      await settle();
      assert.deepEqual(seen(), given);
    }
  }
});

test("what a store throws is handed on by identity, whatever it is", async () => {
  for (const thrown of [new Error("mine"), "text", undefined]) {
    for (const fault of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
      () => ({
        get then() {
          throw thrown;
        },
      }),
    ]) {
      for (const [method, ask] of Object.entries(asks)) {
        const caught = await ask(env({ [method]: fault })).then(
          () => assert.fail(`${method} resolved`),
          (error) => ({ error }),
        );
        assert.deepEqual(caught, { error: thrown }, method);
      }
    }
  }
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((name) => name === "Timeout"),
    [],
  );
});

test("an answer of another type is an error that says what the store must give", async () => {
  const odd = [undefined, null, 5, "ab", {}, new Date(), Symbol("a")];
  const wrong = {
    read: [...odd, true, [], [null], ["1"], [undefined, null], [1, 2], [null, null, null], [{}, {}], [[], "a"]],
    write: [...odd, 0, 1, "true", [], { written: true }, new Boolean(true)],
    list: [
      ...odd,
      true,
      [null],
      ["ab"],
      [["a"]],
      [["a", null]],
      [["a", 1]],
      [["a", "1", "2"]],
      [{ a: "1" }],
      { a: "1" },
    ],
  };
  for (const [method, answers] of Object.entries(wrong)) {
    for (const answer of answers) {
      const asked = asks[method](env({ [method]: () => answer }));
      await assert.rejects(asked, { name: "TypeError", message: new RegExp(`^store\\.${method} must give`) });
    }
  }
  // what it gives at once counts as well, and a promise of any make
  assert.equal(await asks.read(env({ read: () => ["", "x"] })), '["","x"]');
  assert.equal(await asks.write(env({ write: () => true })), true);
  assert.equal(await asks.list(env({ list: () => ({ then: (done) => done([]) }) })), "[]");
});

test("halves of characters cross as the replacement character", async () => {
  const crossed = await asks.read(env({ read: () => ["\ud800", "\\ud800 x"] }));
  assert.deepEqual(JSON.parse(crossed), ["\ufffd", "\\ud800 x"]);
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
    hooksOf({ onEvent }).tell('{"type":"paying"}');
  }
  assert.deepEqual(seen, Array(listeners.length).fill("paying"));
  await settle();
  await settle();
  assert.deepEqual(unhandled, []);
});

test("the core is told who wants to be asked and told", () => {
  const [approve, onEvent] = [() => true, () => {}];
  const scopes = [{}, { approve }, { onEvent }, { approve, onEvent }];
  assert.deepEqual(
    scopes.map((scope) => hooksOf(scope).traits),
    [0, 4, 8, 12],
  );
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

test("the body of a refusal is read no further than it is short", async () => {
  const size = 50_000_000;
  const bomb = brotliCompressSync(Buffer.alloc(size), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
  const { url, close } = await listen(
    createServer((_, response) =>
      response
        .writeHead(402, {
          "content-type": "application/problem+json",
          "content-encoding": "br",
          "content-length": bomb.length,
        })
        .end(bomb),
    ),
  );
  const { problem } = environment({ wallet: async () => ({}), now: Date.now, loadSigner: async () => ({}), run() {} });
  const response = await fetch(url);
  const text = await problem(response);
  await response.body.cancel();
  await close();
  assert.equal(text?.length ?? 0, 0, `${text?.length} characters were read for ${bomb.length} bytes on the wire`);
});
