// The store in memory: it never stops buying, and what it keeps does not grow.
import assert from "node:assert/strict";
import test from "node:test";
import { memoryStore } from "../../src/js/core/memory.js";
import { fill } from "../support/past.mjs";
import { openSeller } from "../support/seller.mjs";

const { createFetch, ...built } = await import("../../dist/node.js");
const pkg = { createFetch, memoryStore: built.memoryStore };

const DAY = 86_400_000;
const MOST = 10_000;
/** So many may be there before all that is too much goes at once. */
const MOST_AT_ONCE = 11_000;
let clock = Date.parse("2026-01-01");

function client(store, { wallet, ...more } = {}) {
  const seller = openSeller({ now: () => clock });
  return createFetch({
    store,
    fetch: seller.fetch,
    wallet: wallet ?? seller.wallet,
    now: () => clock,
    limits: { perPayment: 100 },
    networks: ["regtest"],
    ...more,
  });
}

const keys = async (store, prefix) => (await store.list(prefix, { limit: 1e6 })).map(([key]) => key);

test("of tens of thousands of payments the newest 10,000 stay, and every sum, and what is unsettled", async () => {
  const store = memoryStore();
  const open = client(store, {
    wallet: { pay: () => Promise.reject(new Error("lost")), lookup: () => ({ state: "pending" }) },
  });
  await assert.rejects(open("https://open.example/a"), { code: "payment_unknown" });
  const pay = client(store);
  await pay("https://a.example/first");
  let bought = 1;
  const counts = [];
  for (let wave = 0; wave < 7; wave++) {
    clock += DAY + 3_600_000;
    await fill({ write: ({ sums, ...rows }) => store.write(rows, {}) }, pkg, { count: 3_000, now: clock });
    for (let number = 0; number < 20; number++, bought++) {
      clock += 1_000;
      assert.equal((await pay(`https://a.example/${wave}/${number}`)).status, 200);
    }
    counts.push((await keys(store, "payment/")).length);
  }
  assert.ok(Math.max(...counts) <= MOST_AT_ONCE + 1 && counts.at(-1) > MOST, `${counts} payments were kept`);
  // each payment with its indexes, and the newest without a gap
  const times = await keys(store, "time/");
  const hashes = times.map((key) => key.slice(-64));
  assert.deepEqual((await keys(store, "payment/")).map((key) => key.slice(-64)).sort(), hashes.toSorted());
  assert.deepEqual((await keys(store, "of/")).map((key) => key.slice(-64)).sort(), hashes.toSorted());
  const told = await pay.payments({ limit: 1000 });
  assert.equal(told.filter(({ origin }) => origin === "https://a.example").length, 20);
  assert.deepEqual(
    (await pay.payments({ state: "unknown" })).map(({ url }) => url),
    ["https://open.example/a"],
  );
  assert.deepEqual(await pay.spent("https://a.example"), { hour: 200, day: 200, total: 10 * bought });
  assert.equal((await pay.spent()).total, 10 * (bought + 1));
  assert.ok((await keys(store, "token/")).length <= MOST_AT_ONCE);
});

test("a payment whose invoice has not expired stays, however many there are", async () => {
  const store = memoryStore();
  await fill(store, pkg, { count: 13_000, now: clock });
  assert.equal((await keys(store, "payment/")).length, 13_000);
  clock += 2 * DAY;
  await fill(store, pkg, { count: 2_000, now: clock });
  assert.ok((await keys(store, "payment/")).length <= MOST_AT_ONCE);
});

test("tokens that are used up or expired go first, then the oldest", async () => {
  const store = memoryStore();
  await fill(store, pkg, { count: 100, now: clock });
  const lasting = await keys(store, "token/");
  const change = async (count, edit) => {
    const other = memoryStore();
    await fill(other, pkg, { count, now: clock });
    const rows = await other.list("", { limit: 1e6 });
    const edited = rows.filter(([key]) => /^(token|payment)/.test(key)).map(([key, row]) => [key, edit(row)]);
    await store.write(Object.fromEntries(edited), {});
    return edited.map(([key]) => key).filter((key) => key.startsWith("token/"));
  };
  await change(4_000, (row) => row.replace('"ownRefusals":0', '"ownRefusals":1'));
  await change(4_000, (row) => row.replace('"expiresAt":null', `"expiresAt":${clock / 1000 - 1}`));
  const later = await change(4_000, (row) => row.replace('"expiresAt":null', `"expiresAt":${clock / 1000 + 60}`));
  const left = new Set(await keys(store, "token/"));
  assert.equal(left.size, MOST);
  assert.ok([...lasting, ...later].every((key) => left.has(key)));
  // 1,900 that are of no use, 4,100 that are: all others go when there are as many new ones
  const newest = await change(9_500, (row) => row);
  const rest = new Set(await keys(store, "token/"));
  assert.ok(newest.every((key) => rest.has(key)) && !lasting.some((key) => rest.has(key)));
});

test("paths without an accepted token make room as well", async () => {
  const store = memoryStore();
  for (let number = 0; number < 12_000; number++) await store.write({ [`path/a/${number}`]: "1" }, {});
  const left = await keys(store, "path/");
  assert.ok(left.length >= MOST && left.length <= MOST_AT_ONCE && left.includes("path/a/11999"), `${left.length}`);
});

test("any text under the keys of the ledger is kept as it is", async () => {
  const store = memoryStore();
  for (const key of ["payment/a", "token/a", "path/a", "time/a", "of/a", "payment", "token/"]) {
    for (const value of ["", "null", "5", '{"settledAt":1,"invoiceExpiresAt":1}', "<!doctype html>"]) {
      await store.write({ [key]: value }, {});
      assert.deepEqual(await store.read([key]), [value]);
    }
  }
});
