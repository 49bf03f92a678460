// Chromium: the page's query says where everything is.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";
import { runSuite } from "../runtimes/harness.js";
import buying from "./cases/buying.js";
import charges from "./cases/charges.js";
import cors from "./cases/cors.js";
import wallet from "./cases/wallet.js";

const place = JSON.parse(new URLSearchParams(location.search).get("place"));
globalThis.results = await runSuite([...buying, ...charges, ...wallet, ...cors], { pkg, lnd, ...place }, { atOnce: 1 });
