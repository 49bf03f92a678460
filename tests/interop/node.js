// Node: `node.js PLACE FOLDER` prints the results as one line of JSON. PLACE says where everything is, FOLDER is for
// files.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";
import { runSuite } from "../runtimes/harness.js";
import buying from "./cases/buying.js";
import charges from "./cases/charges.js";
import sessions from "./cases/sessions.js";
import trouble from "./cases/trouble.js";
import wallet from "./cases/wallet.js";

const [text, folder] = process.argv.slice(2);
const place = JSON.parse(text);
const results = await runSuite(
  [...buying, ...charges, ...sessions, ...wallet, ...trouble],
  { pkg, lnd, ...place, place, folder },
  { atOnce: 1 },
);
console.log(JSON.stringify(results));
