// The entry that needs no other file: no fetch of the wasm, no `import()`, no top-level await. Service workers forbid
// the last two.
import { createFetch as paying, memory, type PaidFetch, parser } from "../core/fetch.js";
import type { Options } from "../core/options.js";
import { load } from "../loading/inline.js";

export const createFetch = (options: Options): PaidFetch => paying(options, load);
export const parseChallenges = /* @__PURE__ */ parser(load, "parseChallenges");
export const decodeInvoice = /* @__PURE__ */ parser(load, "decodeInvoice");
export const decodeMacaroon = /* @__PURE__ */ parser(load, "decodeMacaroon");
export const attenuateMacaroon = /* @__PURE__ */ parser(load, "attenuateMacaroon");
export const recoverPayee = /* @__PURE__ */ parser(load, "recoverPayee");
export const memoryStore = /* @__PURE__ */ memory(load);
export { L402Error } from "../core/error.js";
export { receiptOf } from "../core/fetch.js";
