// capnp: bindings = [(name = "LEDGER", durableObjectNamespace = (className = "OldLedger", serviceName = "ledger"))],
// compatibility-date: 2022-01-01
// The shared suite with the oldest kind of object, and before a Worker could call an object's methods.
import * as pkg from "l402-fetch";
import { durableObjectStore } from "l402-fetch/stores/durable-object";
import { runSuite } from "../../runtimes/harness.js";
import suite from "../suite.js";

export default {
  async fetch(request, env) {
    const { base, other } = Object.fromEntries(new URL(request.url).searchParams);
    const open = (place) => durableObjectStore(env.LEDGER.get(env.LEDGER.idFromName(place)));
    return Response.json(await runSuite(suite, { pkg, base, other, runtime: "workerd-old", open }));
  },
};
