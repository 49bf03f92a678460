// workerd: the suite runs within one request, whose query says where the paywall is.
// capnp: compatibilityFlags = ["nodejs_als"],
import { AsyncLocalStorage } from "node:async_hooks";
import * as pkg from "l402-fetch";
import { runSuite } from "../harness.js";
import { casesFor } from "../suite.js";

export default {
  async fetch(request) {
    const { base, other, nodes, workers } = Object.fromEntries(new URL(request.url).searchParams);
    return Response.json(
      await runSuite(casesFor("workerd"), {
        pkg,
        base,
        other,
        nodes,
        runtime: "workerd",
        workers: JSON.parse(workers),
        AsyncLocalStorage,
      }),
    );
  },
};
