// The same in a page: bundled by run.mjs.
import * as l402 from "@getalby/lightning-tools/402";
import { parseL402 } from "@getalby/lightning-tools/402/l402";
import { decodeInvoice } from "@getalby/lightning-tools/bolt11";
import * as light from "light-bolt11-decoder";
import macaroon from "macaroon";
import { patch } from "./clients.mjs";
import { measure } from "./rounds.mjs";

patch();
const ours = await import("./ours/index.js");
const { default: given } = await import("./given.js");
const told = [];
await measure(
  { ...given, ours, alby: { ...l402, parseL402, decodeInvoice }, peers: { light, macaroon }, watch: () => 0 },
  (title, results) => told.push({ title, results }),
);
globalThis.results = told;
