// The entry for Node, Deno and Bun, and for bundles made for them.
import { api } from "./api.js";
import { load } from "./load-embedded.js";

export const { createFetch, parseChallenges, decodeInvoice, decodeMacaroon, attenuateMacaroon } = /* @__PURE__ */ api(load);
export { receiptOf } from "./api.js";
export { L402Error } from "./error.js";
