// Node, Deno and Bun: `runner.js RUNTIME BASE OTHER NODES` prints the results as one line of JSON.
import { AsyncLocalStorage } from "node:async_hooks";
import * as pkg from "l402-fetch";
import { runSuite } from "./harness.js";
import { casesFor } from "./suite.js";

const [runtime, base, other, nodes] = process.argv.slice(2);
console.log(JSON.stringify(await runSuite(casesFor(runtime), { pkg, base, other, nodes, runtime, AsyncLocalStorage })));
// Otherwise a keep-alive connection to the paywall would hold the process for seconds.
process.exit(0);
