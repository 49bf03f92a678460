// A fleet whose cache of tokens is behind: what a decision rests on is compared in the object, so nobody pays twice.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { challenge } from "../support/mint.mjs";

const { createFetch, memoryStore } = await import("../../dist/node.js");
const { durableObjectStore } = await import("../../dist/stores/durable-object.js");

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const NOW = 1_800_000_000_000;
const URL = "http://localhost/a";

/** An object that answers as L402Ledger does. */
function ledger() {
  const rows = memoryStore();
  const answer = async ({ op, keys, changes, seen, prefix, options }) => {
    if (op === "read") return { values: await rows.read(keys) };
    if (op === "write") return { written: await rows.write(changes, seen) };
    return { rows: await rows.list(prefix, options) };
  };
  return { rows, fetch: async (_, { body }) => Response.json(await answer(JSON.parse(body))) };
}

/** A cache that stays as it is once `freeze()` was called. */
function cache() {
  const values = new Map();
  let frozen = false;
  return {
    values,
    freeze: () => {
      frozen = true;
    },
    get: async (key) => values.get(key) ?? null,
    put: async (key, value) => void (frozen || values.set(key, value)),
    delete: async (key) => void (frozen || values.delete(key)),
  };
}

/** A shop whose tokens open what they were sold for until they are revoked, and clients on one ledger. */
function open() {
  const [stub, kv] = [ledger(), cache()];
  const [preimages, orders, sold] = [new Map(), [], new Map()];
  const client = () =>
    createFetch({
      wallet({ paymentHash }) {
        orders.push(paymentHash);
        return preimages.get(paymentHash);
      },
      store: durableObjectStore(stub, { cache: kv }),
      limits: { perPayment: 100 },
      networks: ["regtest"],
      now: () => NOW,
      fetch: async (url, init) => {
        const [, preimage] = /:(.*)$/.exec(new Headers(init?.headers).get("authorization")) ?? [];
        if (sold.get(preimage) === url) return new Response("sunny");
        const made = sha256(`preimage ${preimages.size}`);
        preimages.set(sha256(made).toString("hex"), made.toString("hex"));
        sold.set(made.toString("hex"), url);
        const header = challenge(sha256(made), NOW);
        return new Response("", { status: 402, headers: { "www-authenticate": header } });
      },
    });
  return { stub, kv, orders, client, revoke: () => sold.clear() };
}

const buys = async (pay) => assert.equal((await pay(URL)).status, 200);

test("a cache that holds the first token for ever: the next one is bought once, and used by all", async () => {
  const { kv, orders, client, revoke, stub } = open();
  await buys(client());
  kv.freeze();
  revoke();
  const [one, two] = [client(), client()];
  await Promise.all([buys(one), buys(two)]);
  for (const pay of [one, two, client(), client()]) await buys(pay);
  assert.equal(orders.length, 2);
  assert.equal((await client().spent()).total, 20);
  assert.deepEqual(await stub.rows.list("open/", { limit: 9 }), []);
});

test("a cache that still has what was forgotten: the token is sent once more at most, and nothing is paid for it", async () => {
  const { kv, orders, client } = open();
  await buys(client());
  kv.freeze();
  await client().forget();
  await buys(client());
  await buys(client());
  assert.equal(kv.values.size, 1);
  assert.equal(orders.length, 2);
});
