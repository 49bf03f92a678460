// capnp: bindings = [(name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "ledger"))],
// The shared suite within one request.
import * as pkg from "l402-fetch";
import { durableObjectStore } from "l402-fetch/stores/durable-object";
import { L402Ledger } from "l402-fetch/stores/durable-object/ledger";
import { runSuite } from "../../runtimes/harness.js";
import { openShop } from "../../runtimes/shop.js";
import suite from "../suite.js";

const cases = [
  {
    name: "what is no stub, no option and no cache: invalid_options",
    async run(t) {
      const stub = { fetch() {} };
      for (const args of [
        [],
        [{}],
        [5],
        [stub, null],
        [stub, { cash: {} }],
        [stub, { cache: null }],
        [stub, { cache: { get() {} } }],
      ]) {
        t.throws(() => durableObjectStore(...args), "invalid_options");
      }
    },
  },
  {
    name: "a binding that is no ledger is an error that says so",
    async run(t) {
      const store = durableObjectStore({ fetch: async () => new Response("hello") });
      t.ok(/L402Ledger/.test((await t.rejects(store.get("a"))).message));
    },
  },
  {
    name: "a holder that gives no sign of life is passed over, told to whoever comes next, and can write nothing",
    timeout: 60_000,
    async run(t) {
      const place = `lease-${Math.random()}`;
      const stub = t.stubOf(place);
      const silent = {
        fetch: async (url, init) =>
          JSON.parse(init.body).op === "renew" ? Promise.reject(new Error("cut off")) : stub.fetch(url, init),
      };
      const [one, two] = [durableObjectStore(silent), durableObjectStore(stub)];
      const began = Date.now();
      let state;
      await one.lock("l402-fetch/ledger", async () => {
        await one.set("a", "before");
        await two.lock("l402-fetch/ledger", async (given) => {
          state = given;
          t.equal(await two.get("a"), "before");
          t.ok(/lease ran out/.test((await t.rejects(one.set("a", "mine"))).message));
          await two.set("a", "ours");
        });
        t.ok(/lease ran out/.test((await t.rejects(one.delete("a"))).message));
      });
      t.ok(state.takenOver >= began + 15_000, "when it was taken over");
      t.equal((await one.lock("l402-fetch/ledger", async (given) => given)).takenOver, state.takenOver);
      t.equal(await one.get("a"), "ours");
    },
  },
  ...Object.entries({
    "of a later version": [["version", 2]],
    "with a piece missing": [
      ["version", 1],
      ["count/l402-fetch/journal", 2],
      ["piece/0/l402-fetch/journal", "{"],
    ],
  }).map(([name, rows]) => ({
    name: `a ledger ${name}: nothing is paid, and nothing overwritten`,
    async run(t) {
      const map = new Map(rows);
      const storage = {
        get: async (key) => map.get(key),
        put: async (key, value) => void map.set(key, value),
        delete: async (key) => map.delete(key),
      };
      const ledger = new L402Ledger({ storage });
      const shop = openShop(t);
      const store = durableObjectStore({ fetch: (url, init) => ledger.fetch(new Request(url, init)) });
      const error = await t.rejects(shop.client({ store })(shop.url("a")), "store_failed");
      t.ok(/later version|damaged/.test(error.cause.message), error.cause.message);
      t.same(
        [...map].filter(([key]) => !key.startsWith("lock/")),
        rows,
      );
      await shop.counts({ payments: 0, asked: 0 });
    },
  })),
];

export default {
  async fetch(request, env) {
    const { base, other } = Object.fromEntries(new URL(request.url).searchParams);
    const stubOf = (place) => env.LEDGER.get(env.LEDGER.idFromName(place));
    const open = (place) => durableObjectStore(stubOf(place));
    return Response.json(await runSuite([...suite, ...cases], { pkg, base, other, runtime: "workerd", open, stubOf }));
  },
};
