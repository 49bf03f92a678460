// capnp: bindings = [
// capnp:   (name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "ledger")),
// capnp:   (name = "OLD", durableObjectNamespace = (className = "OldLedger", serviceName = "ledger")),
// capnp: ],
// compatibility-date: 2022-11-30
// The shared suite within one request, and before a Worker could call an object's methods.
import { durableObjectStore } from "../../../../durable-object.js";
import { runSuite } from "../../../runtimes/harness.js";
import suite from "../../rows-suite.js";

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
      ])
        t.throws(() => durableObjectStore(...args), "invalid_options");
    },
  },
  {
    name: "what is no ledger, or one without SQLite, is an error that says so",
    async run(t) {
      for (const body of ["hello", "{}", '{"values":null}']) {
        const store = durableObjectStore({ fetch: async () => new Response(body) });
        t.ok(/L402Ledger/.test((await t.rejects(store.read(["a"]))).message), body);
      }
      const old = durableObjectStore(t.env.OLD.get(t.env.OLD.idFromName("a")));
      for (const task of [() => old.read(["a"]), () => old.write({ a: "1" }, {}), () => old.list("", { limit: 1 })])
        t.ok(/new_sqlite_classes/.test((await t.rejects(task())).message));
    },
  },
  {
    name: "a ledger that does not know the question says so",
    async run(t) {
      const stub = t.env.LEDGER.get(t.env.LEDGER.idFromName("later"));
      const response = await stub.fetch("https://l402-fetch/", { method: "POST", body: '{"op":"later"}' });
      t.equal(response.status, 500);
      t.ok(/same version/.test((await response.json()).error));
    },
  },
  {
    name: "a request that failed on its way back: rejects, and has happened",
    async run(t) {
      const stub = t.env.LEDGER.get(t.env.LEDGER.idFromName("cut"));
      const lost = {
        async fetch(url, init) {
          await stub.fetch(url, init);
          throw new Error("Network connection lost.");
        },
      };
      t.ok(/lost/.test((await t.rejects(durableObjectStore(lost).write({ a: "1" }, { a: null }))).message));
      t.same(await durableObjectStore(stub).read(["a"]), ["1"]);
    },
  },
];

export default {
  async fetch(_request, env) {
    const open = (place) => durableObjectStore(env.LEDGER.get(env.LEDGER.idFromName(place)));
    return Response.json(await runSuite([...suite, ...cases], { env, runtime: "workerd", open, times: 2_000 }));
  },
};
