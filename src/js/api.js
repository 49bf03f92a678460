import { createFetch } from "./fetch.js";

export { receiptOf } from "./fetch.js";

/** The package's functions over a loader of the core: what differs between the entries is where the wasm comes from, and
 *  whether redirects are followed by hand. */
export function api(load, follow) {
  let parsers;
  const parser = (name) => async (...given) => (parsers ??= (await load()).parsers)[name](...given);
  return {
    createFetch: (options) => createFetch(options, load, follow),
    parseChallenges: parser("parseChallenges"),
    decodeInvoice: parser("decodeInvoice"),
    decodeMacaroon: parser("decodeMacaroon"),
    attenuateMacaroon: parser("attenuateMacaroon"),
  };
}
