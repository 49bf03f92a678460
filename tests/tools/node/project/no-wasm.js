// As in a runtime that has no WebAssembly: Fastly's, React Native's, iOS in Lockdown Mode.
import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

const [base, shop] = process.argv.slice(-2);
// Node's own fetch needs it for its first request
await (await fetch(base)).body?.cancel();
delete globalThis.WebAssembly;
console.log(JSON.stringify(await buy(pkg, base, shop)));
process.exit(0);
