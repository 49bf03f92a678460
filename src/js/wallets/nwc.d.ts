import type { NwcClient, Wallet } from "../index.js";

/**
 * A wallet that pays through Nostr Wallet Connect (NIP-47). Needs the package `@getalby/sdk` beside this one where it is given
 * a connection string, and then connects anew for each call. NWC takes no fee cap; an interrupted payment is looked up with
 * `lookup_invoice`.
 *
 * @param connection `nostr+walletconnect://…`, a secret; or a client, such as `NWCClient` of `@getalby/sdk`, which is not closed
 * @throws {L402Error} `invalid_options`
 */
export function nwc(connection: string | NwcClient): Wallet;
