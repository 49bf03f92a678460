import assert from "node:assert/strict";
import test from "node:test";
import { createFetch } from "../../src/js/fetch.js";

const never = () => new Promise(() => {});
const settle = () => new Promise((resolve) => setImmediate(resolve));
const load = () => assert.fail("there is nothing to load the core for");

test("a store that does not answer holds a request up for five seconds, once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let sent = 0;
  const options = { wallet: () => "", limits: { perPayment: 1 }, fetch: async () => (sent++, new Response("sunny")) };
  const pay = createFetch({ ...options, store: { get: never, set: never, delete: never } }, load);
  const first = pay("https://a.example/");
  t.mock.timers.tick(4999);
  await settle();
  assert.equal(sent, 0);
  t.mock.timers.tick(1);
  assert.equal(await (await first).text(), "sunny");
  assert.equal(await (await pay("https://a.example/")).text(), "sunny");
  assert.equal(sent, 2);
});

test("a store that fails or answers nonsense holds nothing up", async () => {
  const options = { wallet: () => "", limits: { perPayment: 1 }, fetch: async () => new Response("sunny") };
  for (const get of [() => { throw new Error("mine"); }, () => Promise.reject(new Error("mine")), () => 5, () => null, () => undefined, () => "", () => ({ then() { throw new Error("mine"); } })]) {
    const pay = createFetch({ ...options, store: { get, set() {}, delete() {} } }, load);
    assert.equal(await (await pay("https://a.example/")).text(), "sunny");
  }
  // no timer is left that would keep the process up
  assert.deepEqual(process.getActiveResourcesInfo().filter((name) => name === "Timeout"), []);
});
