import { createFetch } from "./fetch.js";
import { L402Error } from "./error.js";

export { receiptOf } from "./fetch.js";

/** The package's functions over a loader of the core: what differs between the entries is only where the wasm comes from. */
export function api(load) {
  const parser = (name) => async (...args) => {
    const core = await load();
    try {
      return core[name](...args);
    } catch (error) {
      throw Array.isArray(error) ? new L402Error(...error) : error;
    }
  };
  return {
    createFetch: (options) => createFetch(options, load),
    parseChallenges: parser("parseChallenges"),
    decodeInvoice: parser("decodeInvoice"),
    decodeMacaroon: parser("decodeMacaroon"),
    attenuateMacaroon: parser("attenuateMacaroon"),
  };
}
