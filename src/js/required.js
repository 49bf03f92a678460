// The entry for `require` where it takes no ES modules: Jest, and Node before 20.19. The build makes CommonJS of it.
import { createFetch as paying, parser } from "./fetch.js";
import { load } from "./load-required.js";

export const createFetch = (options) => paying(options, load, undefined, true);
export const parseChallenges = /* @__PURE__ */ parser(load, "parseChallenges");
export const decodeInvoice = /* @__PURE__ */ parser(load, "decodeInvoice");
export const decodeMacaroon = /* @__PURE__ */ parser(load, "decodeMacaroon");
export const attenuateMacaroon = /* @__PURE__ */ parser(load, "attenuateMacaroon");
export { receiptOf } from "./fetch.js";
export { L402Error } from "./error.js";
