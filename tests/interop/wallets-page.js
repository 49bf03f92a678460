// The other wallets, in a page: its query says where everything is.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";
import { runSuite } from "../runtimes/harness.js";
import { everywhere as lnbits } from "./cases/lnbits.js";
import { everywhere as nwc } from "./cases/nwc.js";
import webln from "./cases/webln.js";

const place = JSON.parse(new URLSearchParams(location.search).get("place"));
globalThis.results = await runSuite([...webln, ...lnbits, ...nwc], { pkg, lnd, ...place }, { atOnce: 1 });
