// The entry for browsers and whatever has no entry of its own.
import { api } from "./api.js";
import { load } from "./load-url.js";

export const { createFetch, parseChallenges, decodeInvoice, decodeMacaroon, attenuateMacaroon } = /* @__PURE__ */ api(load);
export { receiptOf } from "./api.js";
export { L402Error } from "./error.js";
