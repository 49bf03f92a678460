// `npm run heap`: what 100,000 calls of one instance leave behind, in Node and Chromium. Prints figures; asserts
// nothing (tests/js/heap.test.mjs does).
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { root } from "../scripts/lib.mjs";
import { openBrowser } from "../tests/support/browsers.mjs";
import { serve } from "../tests/support/serve.mjs";
import { core, instance } from "../tests/support/calls.mjs";

const CALLS = Number(process.env.HEAP_CALLS ?? 100_000);
const PAID = Math.ceil(CALLS / 20);
// First of all: until the wasm is there, the engine has compiled what is hot, and the store and the core are full.
const ROUNDS = [
  ["nothing to pay", 1000, CALLS],
  ["a reused token", 1000, CALLS],
  ["paid", 12_000, PAID],
];

const kib = (bytes) => `${Math.round(bytes / 1024).toLocaleString("en")} KiB`;

function print(where, kind, calls, payments, before, after) {
  const change = (name) => `${kib(before[name])} -> ${kib(after[name])}`.padStart(24);
  console.log(
    `${where.padEnd(10)}${kind.padEnd(16)}${calls.toLocaleString("en").padStart(8)} calls ${payments.toLocaleString("en").padStart(6)} payments` +
      `   JavaScript ${change("heap")}   wasm ${change("memory")}   values ${before.values} -> ${after.values}`,
  );
}

async function inNode() {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc");
  const figures = () => {
    gc();
    return { heap: process.memoryUsage().heapUsed, ...core() };
  };
  const { createFetch } = await import("../dist/node.js");
  for (const [kind, warmUp, calls] of ROUNDS) {
    const { calls: make } = instance(createFetch, kind);
    await make(warmUp);
    const before = figures();
    print("Node", kind, calls, await make(calls), before, figures());
  }
}

async function inChromium() {
  const site = await serve(root, { "/": "<!doctype html><title>heap</title>" });
  const chromium = await openBrowser("chromium");
  try {
    const page = await chromium.browser.newPage();
    page.setDefaultTimeout(0);
    const session = await page.createCDPSession();
    const figures = async () => {
      await session.send("HeapProfiler.collectGarbage");
      const { usedSize } = await session.send("Runtime.getHeapUsage");
      return { heap: usedSize, ...(await page.evaluate("globalThis.core()")) };
    };
    for (const [kind, warmUp, calls] of ROUNDS) {
      await page.goto(site.url);
      await page.evaluate(async (kind) => {
        const { core, instance } = await import("/tests/support/calls.mjs");
        const { createFetch } = await import("/dist/index.js");
        Object.assign(globalThis, { core, make: instance(createFetch, kind).calls });
      }, kind);
      const make = (count) => page.evaluate((count) => globalThis.make(count), count);
      await make(warmUp);
      const before = await figures();
      print("Chromium", kind, calls, await make(calls), before, await figures());
    }
  } finally {
    await chromium.close();
    await site.close();
  }
}

await inNode();
await inChromium();
