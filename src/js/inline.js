// The entry that is complete in itself: no other file is fetched, no `import()`, no top-level await (service workers forbid both).
import { api } from "./api.js";
import { load } from "./load-inline.js";

export const { createFetch, parseChallenges, decodeInvoice, decodeMacaroon, attenuateMacaroon } = /* @__PURE__ */ api(load);
export { receiptOf } from "./api.js";
export { L402Error } from "./error.js";
