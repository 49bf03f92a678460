// Which environment variables describe which wallet, and what is wrong with those that do not.
import { L402Error } from "../core/error.js";
import { isNear } from "../core/options.js";
import type { Wallet } from "../core/wallet.js";
import { cln } from "./cln.js";
import { lnbits } from "./lnbits.js";
import { lnd } from "./lnd.js";
import { nwc } from "./nwc.js";
import { phoenixd } from "./phoenixd.js";

/** Environment variables: `process.env`, or what has its form. */
export type Env = Readonly<Record<string, string | undefined>>;

interface Kind {
  name: string;
  /** The variables that it needs. Of those in one list, one is enough. */
  needs: string[][];
  /** Whether it may speak plain http to other machines. */
  insecure?: string;
  open(value: (name: string) => string, insecure: boolean): Wallet;
}

const KINDS: Kind[] = [
  { name: "Nostr Wallet Connect", needs: [["NWC_URL"]], open: (value) => nwc(value("NWC_URL")) },
  {
    name: "LND",
    needs: [["LND_REST_URL"], ["LND_MACAROON", "LND_MACAROON_PATH"]],
    insecure: "LND_INSECURE",
    open: (value, insecure) =>
      lnd({
        url: value("LND_REST_URL"),
        macaroon: value("LND_MACAROON") || macaroonAt(value("LND_MACAROON_PATH")),
        insecure,
      }),
  },
  {
    name: "Core Lightning",
    needs: [["CLN_REST_URL"], ["CLN_RUNE"]],
    insecure: "CLN_INSECURE",
    open: (value, insecure) => cln({ url: value("CLN_REST_URL"), rune: value("CLN_RUNE"), insecure }),
  },
  {
    name: "phoenixd",
    needs: [["PHOENIXD_URL"], ["PHOENIXD_PASSWORD"]],
    insecure: "PHOENIXD_INSECURE",
    open: (value, insecure) => phoenixd({ url: value("PHOENIXD_URL"), password: value("PHOENIXD_PASSWORD"), insecure }),
  },
  {
    name: "LNbits",
    needs: [["LNBITS_URL"], ["LNBITS_ADMIN_KEY"]],
    insecure: "LNBITS_INSECURE",
    open: (value, insecure) => lnbits({ url: value("LNBITS_URL"), adminKey: value("LNBITS_ADMIN_KEY"), insecure }),
  },
];

/** All names, but those that allow plain http. */
const NAMES = KINDS.flatMap(({ needs }) => needs.flat());
/** All names. */
export const VARIABLES: readonly string[] = [...NAMES, ...KINDS.flatMap(({ insecure }) => insecure ?? [])];

/** What has to be set, in words. */
export const WANTED: string = KINDS.map(({ needs }) => inWords(needs)).join(", or ");

/** Whether any wallet is described, even if only by half. An empty variable counts as none. */
export const describesWallet = (env: Env): boolean => NAMES.some((name) => isSet(env, name));

/**
 * The wallet that is described.
 *
 * @throws {L402Error} `invalid_options`: names what was looked for and what is there; never shows a value
 */
export function walletIn(env: Env): Wallet {
  const begun = KINDS.filter(({ needs }) => needs.flat().some((name) => isSet(env, name)));
  const [kind] = begun;
  if (!kind) throw invalid(`no wallet is set: set ${WANTED}${besides(env, [])}`);
  if (begun.length > 1) {
    const found = begun.map(({ name, needs }) => `${name} (${those(env, needs.flat())})`);
    throw invalid(`more than one wallet is set: ${found.join(" and ")}; unset all but one`);
  }

  const { name, needs, insecure } = kind;
  const missing = needs.filter((names) => !names.some((one) => isSet(env, one)));
  if (missing.length > 0) {
    const found = those(env, needs.flat());
    throw invalid(`${name} needs ${inWords(needs)}: there is only ${found}${besides(env, missing.flat())}`);
  }
  for (const names of needs) {
    if (names.every((one) => isSet(env, one)) && names.length > 1)
      throw invalid(`both ${names.join(" and ")} are set: unset one`);
  }
  try {
    return kind.open((wanted) => env[wanted] ?? "", flag(env, insecure));
  } catch (error) {
    if (!(error instanceof L402Error) || error.message.startsWith("LND_")) throw error;
    const hint = insecure && /insecure: true/.test(error.message) ? ` (here: ${insecure}=1)` : "";
    throw invalid(`${those(env, needs.flat())}: ${error.message}${hint}`);
  }
}

const invalid = (message: string) => new L402Error("invalid_options", message);
const isSet = (env: Env, name: string) => !!env[name];
const those = (env: Env, names: string[]) => names.filter((name) => isSet(env, name)).join(", ");

function inWords(needs: string[][]): string {
  return needs.map(([first, ...others]) => [first, ...others.map((name) => `(or ${name})`)].join(" ")).join(" and ");
}

/** What else is there and may be meant: a name with a typo, or another name with the same beginning. */
function besides(env: Env, missing: string[]) {
  const wanted = missing.length > 0 ? missing : NAMES;
  const beginnings = new Set(wanted.map((name) => name.slice(0, name.indexOf("_") + 1)));
  const found = Object.keys(env).flatMap((name) => {
    if (!isSet(env, name) || VARIABLES.includes(name)) return [];
    const meant = wanted.find((one) => isTypo(name.toUpperCase(), one));
    if (meant) return [`${name} (did you mean ${meant}?)`];
    return [...beginnings].some((beginning) => name.startsWith(beginning)) ? [name] : [];
  });
  return found.length > 0 ? `; not known: ${found.join(", ")}` : "";
}

/** Whether a letter is wrong, or two in a long name. In a short one, two make another word. */
const isTypo = (name: string, meant: string) =>
  [1, 2].some((letters) => letters <= Math.floor(meant.length / 6) && isNear(name, meant, letters));

function flag(env: Env, name: string | undefined) {
  const value = (name && env[name]) || "";
  if (/^(0|false)?$/i.test(value)) return false;
  if (/^(1|true)$/i.test(value)) return true;
  throw invalid(`${name} must be 1 or 0`);
}

declare const process: { getBuiltinModule?(name: string): unknown } | undefined;

/** A macaroon file in hex: lnd's own is binary. The path is not shown: it may be the macaroon itself, by mistake. */
function macaroonAt(path: string) {
  const files = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:fs");
  if (!files) throw invalid("LND_MACAROON_PATH: this runtime reads no files, set LND_MACAROON");
  let bytes: Uint8Array;
  try {
    bytes = (files as { readFileSync(path: string): Uint8Array }).readFileSync(path);
  } catch (error) {
    const { code } = error as { code?: string };
    throw invalid(`LND_MACAROON_PATH: the file can't be read (${code ?? "no reason given"})`);
  }
  const text = new TextDecoder().decode(bytes).trim();
  if (/^([0-9a-f]{2})+$/i.test(text)) return text;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
