// capnp: bindings = [(name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "ledger"))],
// The shared suite within one request.
import * as pkg from "l402-fetch";
import { durableObjectStore } from "l402-fetch/stores/durable-object";
import { runSuite } from "../../runtimes/harness.js";
import suite from "../suite.js";

const cases = [
  {
    name: "what is no stub, no option and no cache: invalid_options",
    async run(t) {
      const stub = { fetch() {} };
      for (const args of [[], [{}], [5], [stub, null], [stub, { cash: {} }], [stub, { cache: null }], [stub, { cache: { get() {} } }]]) {
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
];

export default {
  async fetch(request, env) {
    const { base, other } = Object.fromEntries(new URL(request.url).searchParams);
    const open = (place) => durableObjectStore(env.LEDGER.get(env.LEDGER.idFromName(place)));
    return Response.json(await runSuite([...suite, ...cases], { pkg, base, other, runtime: "workerd", open }));
  },
};
