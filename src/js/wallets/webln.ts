import { L402Error } from "../core/error.js";
import { type Wallet, type WebLNProvider, weblnWallet } from "../core/wallet.js";

/**
 * A wallet that pays through WebLN: a browser extension, or a page that provides `window.webln`.
 *
 * Takes no fee cap: the wallet may pay a higher routing fee than the limits leave. A payment that was interrupted can't
 * be looked up: settle it with `PaidFetch.resolve`.
 *
 * @param provider default: `globalThis.webln`, looked up at each payment, as extensions set it late
 * @throws {L402Error} `invalid_options` where the provider has no `sendPayment`
 */
export function webln(provider?: WebLNProvider): Wallet {
  if (provider !== undefined && typeof provider?.sendPayment !== "function") {
    throw new L402Error("invalid_options", "provider must be a webln provider, with a method sendPayment");
  }
  return weblnWallet(() => provider ?? (globalThis as { webln?: WebLNProvider }).webln);
}
