// The entry for Node and Bun.
import { createFetch as paying, parser } from "./fetch.js";
import { load } from "./load-disk.js";

export const createFetch = (options) => paying(options, load, undefined, true);
export const parseChallenges = /* @__PURE__ */ parser(load, "parseChallenges");
export const decodeInvoice = /* @__PURE__ */ parser(load, "decodeInvoice");
export const decodeMacaroon = /* @__PURE__ */ parser(load, "decodeMacaroon");
export const attenuateMacaroon = /* @__PURE__ */ parser(load, "attenuateMacaroon");
export { receiptOf } from "./fetch.js";
export { L402Error } from "./error.js";
