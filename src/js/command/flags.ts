// The arguments of the command.
import { parseArgs } from "node:util";
import { isNear } from "../core/options.js";
import { usage } from "./exit.js";

/** All options. `value` is what the help calls the argument of one that takes one. */
export const OPTIONS = {
  request: { type: "string", short: "X", value: "METHOD", help: "the method (default: GET, with -d POST)" },
  header: { type: "string", short: "H", multiple: true, value: "'Name: value'", help: "a header; may be repeated" },
  data: { type: "string", short: "d", multiple: true, value: "DATA", help: "the body; @FILE and @- (stdin) read it" },
  "data-binary": { type: "string", value: "DATA", help: "the same, and a file is sent as it is" },
  output: { type: "string", short: "o", value: "FILE", help: "write the body to a file" },
  include: { type: "boolean", short: "i", help: "write status and headers before the body" },
  silent: { type: "boolean", short: "s", help: "say nothing of the progress; errors are still told" },
  "max-sats": { type: "string", value: "N", help: "pay at most N sat, routing fee included" },
  "max-deposit": { type: "string", value: "N", help: "let sessions be paid: at most N sat in those of an origin" },
  "dry-run": { type: "boolean", help: "tell price, invoice and what the limits say; pay nothing" },
  scope: {
    type: "string",
    value: "NAME",
    help: "the scope that it counts in, under the limits that the config gives it",
  },
  json: { type: "boolean", help: "write everything as JSON" },
  csv: { type: "boolean", help: "write a table for spreadsheets" },
  origin: { type: "string", value: "URL", help: "only this origin" },
  state: { type: "string", value: "STATE", help: "only pending, unknown, paid or failed ones" },
  since: { type: "string", value: "TIME", help: "only from this time on (2026-01-31, or Unix seconds)" },
  before: { type: "string", value: "HASH", help: "only those older than this payment" },
  limit: { type: "string", value: "N", help: "at most N (default: 20; at most 1000)" },
  preimage: { type: "string", value: "HEX", help: "it was paid, and this is the proof" },
  failed: { type: "boolean", help: "nothing was paid, and nothing will be" },
  all: { type: "boolean", help: "the tokens of all origins" },
  allow: { type: "string", multiple: true, value: "HOST", help: "a model may reach this host of your own network" },
  help: { type: "boolean", short: "h", help: "show this" },
  version: { type: "boolean", short: "V", help: "show the version" },
} as const;
export type Option = keyof typeof OPTIONS;

/** What is done, with its arguments and options. The first is what a URL does. */
export const COMMANDS = {
  URL: {
    args: "",
    help: "fetch it, and pay within the limits if it asks for money",
    options: [
      "request",
      "header",
      "data",
      "data-binary",
      "output",
      "include",
      "silent",
      "max-sats",
      "max-deposit",
      "dry-run",
      "scope",
      "json",
    ],
  },
  payments: {
    args: "",
    help: "list payments, newest first",
    options: ["origin", "state", "since", "before", "limit", "scope", "json", "csv"],
  },
  spent: { args: "[URL]", help: "what was spent, and what is left", options: ["scope", "json"] },
  balance: { args: "", help: "what the wallet can still spend", options: ["json"] },
  resolve: {
    args: "HASH",
    help: "settle a payment that nobody can tell the outcome of",
    options: ["preimage", "failed"],
  },
  forget: { args: "URL", help: "drop the tokens of an origin; the payments stay", options: ["all"] },
  sessions: { args: "", help: "list open sessions", options: ["json"] },
  close: { args: "[URL]", help: "close sessions, and tell what comes back", options: ["json"] },
  mcp: {
    args: "",
    help: "serve the tools for agents over stdio (Model Context Protocol)",
    options: ["max-sats", "max-deposit", "scope", "allow"],
  },
  decode: { args: "TEXT", help: "show an invoice, a macaroon or a WWW-Authenticate header as JSON", options: [] },
  completion: { args: "SHELL", help: "a script for bash, zsh or fish", options: [] },
} as const satisfies Record<string, { args: string; help: string; options: readonly Option[] }>;
export type Command = keyof typeof COMMANDS;

export type Flags = {
  [Key in Option]?: (typeof OPTIONS)[Key] extends { multiple: true }
    ? string[]
    : (typeof OPTIONS)[Key] extends { type: "boolean" }
      ? boolean
      : string;
};

export interface Arguments {
  command: Command;
  flags: Flags;
  args: string[];
}

/** Reads the arguments. Throws what is wrong with them. */
export function readArguments(given: string[]): Arguments {
  let values: Flags;
  let positionals: string[];
  try {
    ({ values, positionals } = parseArgs({ args: given, options: OPTIONS, allowPositionals: true }));
  } catch (error) {
    // The first sentence says it. The others are about the program that reads the arguments.
    throw usage(`${(error as Error).message.split(/\. /)[0]}`);
  }
  // Node puts another character for such bytes, which would then be sent and paid for.
  if (given.some((text) => text.includes("\ufffd"))) throw usage("an argument is not UTF-8: -d @FILE sends any bytes");
  const [first = "", ...rest] = positionals;
  const command = Object.hasOwn(COMMANDS, first) && first !== "URL" ? (first as Command) : "URL";
  if (values.help || values.version) return { command, flags: values, args: [] };
  if (first === "") throw usage("give it a url, or --help");

  const args = command === "URL" ? positionals : rest;
  const allowed: readonly string[] = COMMANDS[command].options;
  for (const name of Object.keys(values)) {
    if (!allowed.includes(name)) throw usage(`--${name} is no option of ${command === "URL" ? "a url" : command}`);
  }
  if (command === "URL" && !first.includes(":")) throw unknown(first);
  if (args.length > 0 && command !== "URL" && !COMMANDS[command].args)
    throw usage(`${command} takes no argument (${args.join(" ")})`);
  if (args.length > 1) throw usage(`${plural(args.length)}: one is enough (${args.slice(1).join(" ")})`);
  return { command, flags: values, args };
}

function unknown(word: string) {
  const meant = Object.keys(COMMANDS).find((name) => name !== "URL" && isNear(word, name, 2));
  if (meant) return usage(`${word} is no command: did you mean ${meant}?`);
  return usage(`${word} is neither a url nor a command: a url begins with https://`);
}

const plural = (count: number) => `${count} arguments`;

/** A whole number. */
export function number(name: Option, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,12}$/.test(text)) throw usage(`--${name} must be a whole number of at most 12 digits`);
  return Number(text);
}
