// A call leaves nothing behind. This tests the package that was built last.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { core, instance, KINDS } from "../support/calls.mjs";

const { createFetch, decodeInvoice, decodeMacaroon, memoryStore, parseChallenges } = await import("../../dist/node.js");

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
const heap = () => {
  gc();
  return process.memoryUsage().heapUsed;
};

// After this many calls the engine has made its own code and notes.
const WARM_UP = 1_500;

/** Gives a store all the payments that it keeps in memory: copies of the last one. */
async function fill(store) {
  const [[time]] = await store.list("time/", { limit: 1, reverse: true });
  const hash = time.slice(-64);
  const [origin] = await store.list("of/", { limit: 1, reverse: true });
  const [row] = await store.read([`payment/${hash}`]);
  for (let number = 0; number < 10_000; number++) {
    const rows = Object.entries({ [`payment/${hash}`]: row, [time]: "", [origin[0]]: "" });
    const copy = String(number).padStart(64, "0");
    await store.write(Object.fromEntries(rows.map((pair) => pair.map((text) => text.replaceAll(hash, copy)))), {});
  }
}

// Many calls, since the engine's own code and notes come and go by half a megabyte.
// The core itself keeps up to 10,000 tokens that it has read, of some 1,200 bytes; `npm run heap` goes beyond them.
for (const [kind, count, most] of [
  ["nothing to pay", 20_000, 0],
  ["a reused token", 20_000, 0],
  ["paid", 5_000, 5_000 * 1_200],
]) {
  test(`${count} calls, ${kind}`, async () => {
    const store = memoryStore();
    const { calls } = instance(createFetch, kind, { store });
    await calls(WARM_UP);
    if (kind === "paid") await fill(store);
    const [before, heapBefore] = [core(), heap()];
    const payments = await calls(count);
    assert.equal(payments, kind === "paid" ? WARM_UP + count : Number(kind === "a reused token"));
    const after = core();
    assert.equal(after.values, before.values, "the core holds on to JavaScript values");
    assert.ok(
      after.memory - before.memory <= most,
      `the core's memory grew from ${before.memory} to ${after.memory} bytes`,
    );
    const each = (heap() - heapBefore) / count;
    assert.ok(each < 300, `${each.toFixed()} bytes of JavaScript's heap are left behind by each call`);
  });
}

test("no response, no arguments and no listener outlive their call", async () => {
  const { signal } = new AbortController();
  const left = {};
  for (const kind of Object.keys(KINDS)) {
    const { pay } = instance(createFetch, kind);
    for (let i = 0; i < 100; i++) {
      const init = { signal, headers: { "x-mine": String(i) } };
      const response = await pay("http://localhost/weather", init);
      for (const [name, value] of Object.entries({ init, response, headers: response.headers })) {
        left[`${name}, ${kind}`] ??= [];
        left[`${name}, ${kind}`].push(new WeakRef(value));
      }
    }
    assert.equal(getEventListeners(signal, "abort").length, 0, kind);
  }
  // A WeakRef holds on to its target until the task that made it is over.
  await new Promise((resolve) => setTimeout(resolve));
  gc();
  for (const [what, refs] of Object.entries(left)) {
    const alive = refs.filter((ref) => ref.deref()).length;
    assert.ok(alive <= 2, `${what}: ${alive} of ${refs.length} are still there`);
  }
});

test("refused and aborted calls leave nothing behind either", async () => {
  const { signal } = new AbortController();
  const refusing = createFetch({
    wallet: () => ({ failed: "no" }),
    limits: { perPayment: 100 },
    networks: ["regtest"],
    fetch: () => KINDS.paid(),
  });
  const tooDear = createFetch({
    wallet: () => "",
    limits: { perPayment: 1 },
    networks: ["regtest"],
    fetch: () => KINDS.paid(),
  });
  const calls = async (count) => {
    for (let i = 0; i < count; i++) {
      await assert.rejects(refusing("http://localhost/x", { signal }), { code: "payment_failed" });
      await assert.rejects(tooDear("http://localhost/x", { signal }), { code: "over_limit" });
      await assert.rejects(tooDear("http://localhost/x", { signal: AbortSignal.abort() }), { name: "AbortError" });
      await tooDear.quote("http://localhost/x", { signal });
    }
  };
  await calls(100);
  const before = core();
  await calls(300);
  assert.equal(core().values, before.values);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("the parsers leave nothing behind", async () => {
  const header = (await KINDS.paid()).headers.get("www-authenticate");
  const [, macaroon, invoice] = /macaroon="([^"]+)", invoice="([^"]+)"/.exec(header);
  const calls = async (count) => {
    for (let i = 0; i < count; i++) {
      await Promise.all([parseChallenges(header), decodeInvoice(invoice), decodeMacaroon(macaroon)]);
      for (const parse of [parseChallenges, decodeInvoice, decodeMacaroon]) await assert.rejects(parse("L402"));
    }
  };
  await calls(200);
  const before = core();
  await calls(2000);
  assert.deepEqual(core(), before);
});
