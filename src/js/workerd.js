// The entry for Cloudflare Workers.
import { api } from "./api.js";
import { follow } from "./redirect.js";
import { load } from "./load-module.js";

export const { createFetch, parseChallenges, decodeInvoice, decodeMacaroon, attenuateMacaroon } = /* @__PURE__ */ api(load, follow);
export { receiptOf } from "./api.js";
export { L402Error } from "./error.js";
