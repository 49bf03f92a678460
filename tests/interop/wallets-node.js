// The other wallets, in Node: `wallets-node.js PLACE` prints the results as one line of JSON.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";
import WebSocket from "ws";
import { runSuite } from "../runtimes/harness.js";
import lnbits from "./cases/lnbits.js";
import nwc from "./cases/nwc.js";

// Node 20 has none
globalThis.WebSocket ??= WebSocket;

const results = await runSuite([...lnbits, ...nwc], { pkg, lnd, ...JSON.parse(process.argv[2]) }, { atOnce: 1 });
console.log(JSON.stringify(results));
process.exit();
