import { createFetch } from "./fetch.js";
import { L402Error } from "./error.js";

export { receiptOf } from "./fetch.js";

/** The package's functions over a loader of the core: what differs between the entries is where the wasm comes from, and
 *  whether redirects are followed by hand. */
export function api(load, follow) {
  // The bindings would misread what is no string.
  const parser = (name, code, kind, read = JSON.parse) => async (text, caveats = "") => {
    if (typeof text !== "string") throw new L402Error(code, `${name} takes a string, not ${text === null ? "null" : typeof text}`);
    const { core } = await load();
    try {
      return read(core.parse(kind, text, caveats));
    } catch (error) {
      throw Array.isArray(error) ? new L402Error(...error) : error;
    }
  };
  const attenuate = parser("attenuateMacaroon", "invalid_macaroon", 3, String);
  return {
    createFetch: (options) => createFetch(options, load, follow),
    parseChallenges: parser("parseChallenges", "invalid_challenge", 0),
    decodeInvoice: parser("decodeInvoice", "invalid_invoice", 1),
    decodeMacaroon: parser("decodeMacaroon", "invalid_macaroon", 2),
    async attenuateMacaroon(token, caveats) {
      if (!Array.isArray(caveats) || !Array.from(caveats).every((caveat) => typeof caveat === "string")) {
        throw new L402Error("invalid_macaroon", "caveats must be an array of strings");
      }
      return attenuate(token, JSON.stringify(caveats));
    },
  };
}
