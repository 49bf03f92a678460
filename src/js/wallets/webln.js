import { L402Error } from "../error.js";
import { weblnWallet } from "../wallet.js";

/**
 * A wallet that pays through WebLN.
 *
 * @param {import("../index.d.ts").WebLNProvider} [provider] default: `globalThis.webln`, looked up at each payment, as
 *   extensions set it only after a page's scripts have begun to run
 * @returns {import("../index.d.ts").Wallet}
 * @throws {L402Error} `invalid_options` where the provider has no `sendPayment`
 */
export function webln(provider) {
  if (provider !== undefined && typeof provider?.sendPayment !== "function") {
    throw new L402Error("invalid_options", "provider must be a webln provider, with a method sendPayment");
  }
  return weblnWallet(() => provider ?? globalThis.webln);
}
