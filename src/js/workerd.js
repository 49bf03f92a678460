// The entry for Cloudflare Workers.
import { createFetch as paying, parser } from "./fetch.js";
import { follow } from "./redirect.js";
import { load } from "./load-module.js";

export const createFetch = (options) => paying(options, load, follow);
export const parseChallenges = /* @__PURE__ */ parser(load, "parseChallenges");
export const decodeInvoice = /* @__PURE__ */ parser(load, "decodeInvoice");
export const decodeMacaroon = /* @__PURE__ */ parser(load, "decodeMacaroon");
export const attenuateMacaroon = /* @__PURE__ */ parser(load, "attenuateMacaroon");
export { receiptOf } from "./fetch.js";
export { L402Error } from "./error.js";
