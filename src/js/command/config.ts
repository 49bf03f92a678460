// The settings: `config.json`. Every key is checked, since a limit with a typo would be no limit.
import { readFileSync, statSync } from "node:fs";
import { isNear, type Options } from "../core/options.js";
import type { Limits, Scope, SessionLimits } from "../core/limits.js";
import { type Env, VARIABLES } from "../wallets/variables.js";
import { EXIT, Problem } from "./exit.js";
import { say } from "./output.js";
import { CONFIG } from "./places.js";

/** What holds if neither the settings nor the arguments say anything. */
export const DEFAULT_LIMITS: Limits = { perPayment: 100, perDay: 1000 };

export interface Config {
  limits?: Limits;
  /** The limits of scopes, by name. */
  scopes?: Record<string, Scope["limits"]>;
  /** The variables of a wallet. They count if the environment has none. */
  wallet?: Env;
  /** Options of `createFetch`. It checks them itself. */
  options: Pick<Options, "hosts" | "insecureHosts" | "networks" | "protocols" | "paymentTimeout">;
  /** What may be held in sessions. `createFetch` checks it, and there has to be a wallet for it. */
  sessions?: SessionLimits;
}

const OPTIONS = ["hosts", "insecureHosts", "networks", "protocols", "paymentTimeout"];
const KEYS = ["limits", "scopes", "sessions", "wallet", ...OPTIONS];

/** An error in the settings. */
export const misset = (message: string): Problem => new Problem(EXIT.usage, `${CONFIG}: ${message}`);

/** Reads the settings. A missing file counts as an empty one. */
export function readConfig(): Config {
  let text: string;
  try {
    text = readFileSync(CONFIG, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { options: {} };
    throw misset(`can't be read (${code})`);
  }
  const given = object(parse(text), "it");
  for (const key of Object.keys(given)) mustBeKnown(key, KEYS, key);

  const { limits, scopes, sessions, wallet, ...options } = given;
  const config: Config = { options: options as Config["options"] };
  if (limits !== undefined) config.limits = object(limits, "limits") as unknown as Limits;
  if (scopes !== undefined) {
    config.scopes = object(scopes, "scopes") as NonNullable<Config["scopes"]>;
    for (const [name, limits] of Object.entries(config.scopes)) object(limits, `scopes.${name}`);
  }
  if (sessions !== undefined) config.sessions = object(sessions, "sessions") as unknown as SessionLimits;
  if (wallet !== undefined) config.wallet = readWallet(object(wallet, "wallet"));
  return config;
}

/** The engine's own message shows a piece of the text, which may be a secret. Only the place is told. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const [place] = /line \d+ column \d+/.exec((error as Error).message) ?? [];
    throw misset(`is no JSON${place ? `: look at ${place}` : ""}`);
  }
}

function readWallet(given: Record<string, unknown>): Env {
  for (const [name, value] of Object.entries(given)) {
    mustBeKnown(name, VARIABLES, `wallet.${name}`);
    if (typeof value !== "string") throw misset(`wallet.${name} must be a string`);
  }
  if (process.platform !== "win32" && statSync(CONFIG).mode & 0o077)
    say(`${CONFIG} holds the wallet's secret, and others can read it: chmod 600 it`);
  return given as Env;
}

function object(value: unknown, path: string): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw misset(`${path} must be an object`);
  return value as Record<string, unknown>;
}

function mustBeKnown(key: string, known: readonly string[], path: string) {
  if (known.includes(key)) return;
  const meant = known.find((one) => isNear(key.toLowerCase(), one.toLowerCase(), 2));
  throw misset(`${path} is not known: ${meant ? `did you mean ${meant}?` : `there are ${known.join(", ")}`}`);
}
