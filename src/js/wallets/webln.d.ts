import type { Wallet, WebLNProvider } from "../index.js";

/**
 * A wallet that pays through WebLN: a browser extension, or a page that provides `window.webln`.
 *
 * Takes no fee cap: the wallet may pay a higher routing fee than the limits leave. A payment that was interrupted can't be
 * looked up: settle it with `PaidFetch.resolve`.
 *
 * @param provider default: `globalThis.webln`, looked up at each payment, as extensions set it late
 * @throws {L402Error} `invalid_options` where the provider has no `sendPayment`
 */
export function webln(provider?: WebLNProvider): Wallet;
