import type { Wallet } from "../core/wallet.js";
import { type Env, walletIn } from "./variables.js";

declare const process: { env?: Env } | undefined;

/**
 * The wallet that environment variables describe:
 *
 * - `NWC_URL`
 * - `LND_REST_URL` with `LND_MACAROON` (hex) or `LND_MACAROON_PATH`
 * - `CLN_REST_URL` with `CLN_RUNE`
 * - `PHOENIXD_URL` with `PHOENIXD_PASSWORD`
 * - `LNBITS_URL` with `LNBITS_ADMIN_KEY`
 *
 * `LND_INSECURE=1`, and the same of the others, allows plain http to other machines. An empty variable counts as none.
 *
 * @param env Default: `process.env`. In a Worker, its bindings.
 * @throws {L402Error} `invalid_options` if there is none, more than one or half of one. It names the variables that
 *   were looked for and those that are there, and shows no value.
 */
export function walletFromEnv(env: Readonly<Record<string, string | undefined>> = ofProcess()): Wallet {
  return walletIn(env);
}

const ofProcess = (): Env => (typeof process === "undefined" ? {} : (process.env ?? {}));
