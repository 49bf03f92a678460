// Browsers: the page's query names the browser and the paywall.
import * as pkg from "l402-fetch";
import { runSuite } from "./harness.js";
import { casesFor } from "./suite.js";

const { runtime, base, other, nodes } = Object.fromEntries(new URLSearchParams(location.search));
globalThis.results = await runSuite(casesFor(runtime), { pkg, base, other, nodes, runtime });
