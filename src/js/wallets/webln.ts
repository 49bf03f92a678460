import { L402Error } from "../core/error.js";
import { type Wallet, type WebLNProvider, weblnWallet } from "../core/wallet.js";

/**
 * A wallet that pays through WebLN: a browser extension, or a page that provides `window.webln`.
 *
 * WebLN takes no fee cap, so the wallet may pay a higher routing fee than the limits leave. An interrupted payment
 * can't be looked up. Settle it with `PaidFetch.resolve`.
 *
 * @param provider Default: `globalThis.webln`. It is read at each payment, since extensions set it late.
 * @throws {L402Error} `invalid_options` if the provider has no `sendPayment`
 */
export function webln(provider?: WebLNProvider): Wallet {
  if (provider !== undefined && typeof provider?.sendPayment !== "function") {
    throw new L402Error("invalid_options", "provider must be a webln provider, with a method sendPayment");
  }
  return weblnWallet(() => provider ?? (globalThis as { webln?: WebLNProvider }).webln);
}
