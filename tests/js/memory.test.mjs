// What the store in memory keeps. That it is a store at all, the suite of all stores tests.
import assert from "node:assert/strict";
import test from "node:test";
import { memoryStore } from "../../src/js/core/memory.js";

const MOST = 10_000;
const START = 1_800_000_000_000;
const ORIGIN = "https://a.example";
const hashOf = (number) => String(number).padStart(64, "0");
const timeOf = (number) => String(START + number).padStart(14, "0");

/** The rows of a payment, as the core writes them. Its invoice expires after `lasts` milliseconds. */
function payment(number, state, { lasts = 0, description = null } = {}) {
  const row = {
    v: 1,
    description,
    state,
    startedAt: START + number,
    invoice: "lnbc",
    invoiceExpiresAt: (START + number + lasts) / 1000,
  };
  const hash = hashOf(number);
  return {
    [`payment/${hash}`]: JSON.stringify(row),
    [`time/${timeOf(number)}/${hash}`]: "",
    [`of/${ORIGIN}/${timeOf(number)}/${hash}`]: "",
    [`in/#scope/${timeOf(number)}/${hash}`]: "",
  };
}

/** How many rows there are under each first word of the keys. */
async function counts(store) {
  const found = {};
  for (const [key] of await store.list("", { limit: 1e6 })) {
    const [word] = key.split("/");
    found[word] = (found[word] ?? 0) + 1;
  }
  return found;
}

const isThere = async (store, number) => (await store.read([`payment/${hashOf(number)}`]))[0] !== null;
const second = (number) => 1000 * number;

test("of settled payments the newest 10,000 stay, with their rows in the indexes; whatever else there is, stays", async () => {
  const store = memoryStore();
  const others = { sums: "1", [`origin/${ORIGIN}`]: "1", "path/a": "1", "wallet/a": "1", "in/a": "" };
  await store.write(others, {});
  for (let number = 1; number <= MOST + 50; number++) {
    await store.write(payment(second(number), "pending"), {});
    await store.write(payment(second(number), number % 2 ? "paid" : "failed"), {});
  }
  const most = { payment: MOST, time: MOST, of: MOST, in: MOST + 1, sums: 1, origin: 1, path: 1, wallet: 1 };
  assert.deepEqual(await counts(store), most);
  assert.deepEqual([await isThere(store, second(50)), await isThere(store, second(51))], [false, true]);
  const newest = `payment/${hashOf(second(MOST + 50))}`;
  assert.equal(await store.write({ [newest]: null }, {}), true);
  assert.equal((await counts(store)).payment, MOST - 1);
});

test("an open payment stays, however old, and a settled one until its invoice has expired", async () => {
  const store = memoryStore();
  for (const [number, state] of ["pending", "unknown", "reserved"].entries())
    await store.write(payment(second(number), state), {});
  await store.write(payment(second(3), "paid", { lasts: second(2 * MOST) }), {});
  // the text of a stranger, which names a state, is none
  await store.write(payment(second(4), "unknown", { description: '"state":"paid"' }), {});
  for (let number = 5; number < MOST + 100; number++) await store.write(payment(second(number), "paid"), {});
  const early = [0, 1, 2, 3, 4, 5].map((number) => isThere(store, second(number)));
  assert.deepEqual(await Promise.all(early), [true, true, true, true, true, false]);
  assert.equal((await counts(store)).payment, MOST + 4);
  // once it is settled, and its invoice has expired, it goes like the others
  await store.write(payment(second(1), "failed"), {});
  for (let number = 3 * MOST; number < 4 * MOST + 2; number++) await store.write(payment(second(number), "paid"), {});
  const late = [0, 1, 2, 3, 4].map((number) => isThere(store, second(number)));
  assert.deepEqual(await Promise.all(late), [true, false, true, false, true]);
});

test("of tokens the 10,000 that were last written stay", async () => {
  const store = memoryStore();
  for (let number = 0; number < MOST; number++) await store.write({ [`token/${number}`]: "1" }, {});
  await store.write({ "token/0": "2" }, { "token/0": "1" });
  await store.write({ [`token/${MOST}`]: "1", [`payment/${hashOf(1)}`]: "no json" }, {});
  assert.deepEqual(await store.read(["token/0", "token/1", "token/2", `token/${MOST}`]), ["2", null, "1", "1"]);
  await store.write({ "token/2": null }, {});
  await store.write({ "token/new": "1" }, {});
  assert.deepEqual(await store.read(["token/3"]), ["1"]);
  assert.equal((await counts(store)).token, MOST);
});
