// The paying fetch of this user: ledger, settings, wallet and the limits of the arguments.
import { L402Error } from "../core/error.js";
import type { PaidFetch } from "../core/fetch.js";
import type { Limits } from "../core/limits.js";
import type { Options } from "../core/options.js";
import type { Wallet } from "../core/wallet.js";
import { createFetch } from "../entries/node.js";
import { describesWallet, type Env, walletIn, WANTED } from "../wallets/variables.js";
import { type Config, DEFAULT_LIMITS, misset, readConfig } from "./config.js";
import { EXIT, Problem, usage } from "./exit.js";
import { type Flags, number } from "./flags.js";
import { type Ledger, openLedger } from "./ledger.js";
import { CONFIG } from "./places.js";

export interface Client {
  pay: PaidFetch;
  /** null: none is set. */
  wallet: Wallet | null;
  ledger: Ledger;
}

/** There is no wallet, and this says what to set. */
export const noWallet = (): Problem =>
  new Problem(EXIT.wallet, `no wallet is set: set ${WANTED}; or write the same under "wallet" in ${CONFIG}`);

/** For the requests that need no wallet. `approve` refuses before this is asked. */
const NONE: Wallet = { pay: () => ({ failed: "no wallet is set" }) };

/** Opens it. Throws what is wrong with settings, wallet, ledger or arguments. */
export function openClient(flags: Flags, given: Partial<Options> = {}): Client {
  const config = readConfig();
  const wallet = findWallet(config);
  const most = number("max-sats", flags["max-sats"]);
  const ledger = openLedger();
  const refuse = () => {
    throw noWallet();
  };
  const pay = checked(() =>
    createFetch({
      ...config.options,
      wallet: wallet ?? NONE,
      store: ledger.store,
      limits: limitsOf(config, most),
      ...(wallet && sessionsOf(config, number("max-deposit", flags["max-deposit"]))),
      ...(!wallet && { approve: refuse }),
      ...given,
    }),
  );
  return { pay: checked(() => within(pay, config, flags.scope, most)), wallet, ledger };
}

/** The arguments may narrow the limits of the settings. Without any they set the limit of one payment. */
function limitsOf({ limits }: Config, most: number | undefined): Limits {
  return limits ?? { ...DEFAULT_LIMITS, ...(most !== undefined && { perPayment: most }) };
}

/** Without a setting and an argument no session is paid. An argument may lower what the settings allow. */
function sessionsOf({ sessions }: Config, most: number | undefined): Pick<Options, "sessions"> {
  if (!sessions) return most === undefined ? {} : { sessions: { maxDeposit: most } };
  // What is no number there is an error.
  const isLower = most !== undefined && most < sessions.maxDeposit;
  return { sessions: isLower ? { ...sessions, maxDeposit: most } : sessions };
}

function within(pay: PaidFetch, { scopes }: Config, name: string | undefined, most: number | undefined) {
  let scope = pay;
  if (name !== undefined) {
    if (!/^[^/]{1,100}$/.test(name)) throw usage("--scope must be 1 to 100 characters without /");
    // Under a name with a typo the limits of the scope that is meant would not hold.
    if (scopes && !Object.hasOwn(scopes, name))
      throw misset(`--scope ${name} is not in scopes: there are ${Object.keys(scopes).join(", ") || "none"}`);
    scope = pay.within({ name, limits: scopes?.[name] ?? {} });
  }
  return most === undefined ? scope : scope.within({ limits: { perPayment: most } });
}

/** The environment's wallet, else that of the settings, else null. */
function findWallet(config: Config): Wallet | null {
  const env: Env = describesWallet(process.env) || !config.wallet ? process.env : config.wallet;
  if (describesWallet(env)) return read(env, env === process.env ? "" : `${CONFIG}: wallet: `);
  return null;
}

function read(env: Env, where: string) {
  try {
    return walletIn(env);
  } catch (error) {
    throw new Problem(EXIT.usage, `${where}${(error as Error).message}`);
  }
}

/** What `createFetch` finds wrong comes from the settings: the arguments are checked before. */
function checked<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw error instanceof L402Error && error.code === "invalid_options" ? misset(error.message) : error;
  }
}
