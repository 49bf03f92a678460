// The command: what its arguments ask for, and what is said if that fails.
import { L402Error } from "../core/error.js";
import { EXIT, type Exit, Problem, problemOf } from "./exit.js";
import { type Arguments, readArguments } from "./flags.js";
import { outliveReaders, print, printJson, say, silenceLibraries } from "./output.js";

// The server of MCP is a file of its own, and has these from here: there must be one of each.
export { L402Error } from "../core/error.js";
export { loadOf, parser, receiptOf } from "../core/fetch.js";
export { host, integer, list, mustBeFunction } from "../core/options.js";

/** What to do about an error, where more can be said here than in its message. */
function hintOf(error: unknown, config: string): string | undefined {
  if (!(error instanceof L402Error)) return undefined;
  const { code, payment, message } = error;
  const hints: Partial<Record<typeof code, string>> = {
    over_limit: /limits\.perPayment/.test(message)
      ? `for this run: --max-sats N, if ${config} has no "limits"; for good: "limits" in it`
      : `for good: "limits" in ${config}`,
    host_not_allowed: `"hosts" in ${config} names who may be paid`,
    insecure_transport: `a host of your own network can be named in "insecureHosts" in ${config}`,
    wrong_network: `"networks" in ${config} names others`,
    not_honored: "l402-fetch forget URL allows paying again",
  };
  if (error.moneyMoved === "maybe" && payment) {
    const hash = payment.paymentHash.slice(0, 12);
    return `run it again later, or look into your wallet: l402-fetch resolve ${hash} --preimage HEX, or --failed`;
  }
  if (/\((DEPTH_ZERO_)?SELF_SIGNED_CERT|\(UNABLE_TO_VERIFY/.test(message))
    return "the wallet's certificate is its own: NODE_EXTRA_CA_CERTS=tls.cert trusts it";
  return hints[code];
}

/** Tells what went wrong. Gives the exit code. */
async function tell(error: unknown, { command, flags }: Pick<Arguments, "command" | "flags">): Promise<Exit> {
  const { exit, code, message } = problemOf(error);
  if (!(exit === EXIT.output && /EPIPE/.test(message))) say(`${code}: ${message}`);
  const { CONFIG } = await import("./places.js");
  const hint = command === "URL" && hintOf(error, CONFIG);
  if (hint) say(hint);
  if (flags.json) {
    const paid = error instanceof Problem ? error.payment : undefined;
    const { moneyMoved = paid ? "yes" : "no", payment = paid, quote } = error instanceof L402Error ? error : {};
    await printJson({ error: { code, message, exit, moneyMoved, payment, quote } }).catch(() => {});
  }
  return exit;
}

async function run({ command, flags, args: [arg] }: Arguments, end: (exit: number) => void): Promise<Exit> {
  if (flags.version) {
    await print(`${(await import("./version.js")).VERSION}\n`);
    return EXIT.done;
  }
  if (flags.help) {
    await print((await import("./help.js")).help());
    return EXIT.done;
  }
  if (command === "URL") return (await import("./buy.js")).buy(arg ?? "", flags, end);
  if (command === "decode") return (await import("./decode.js")).decode(arg);
  if (command === "completion") return (await import("./completion.js")).completion(arg);
  if (command === "mcp") return (await import("./serve.js")).mcp(flags, end);
  if (command === "sessions") return (await import("./sessions.js")).sessions(flags);
  if (command === "close") return (await import("./sessions.js")).close(arg, flags);
  const records = await import("./records.js");
  if (command === "payments") return records.payments(flags);
  if (command === "spent") return records.spent(arg, flags);
  if (command === "balance") return records.balance(flags);
  if (command === "resolve") return records.resolve(arg, flags);
  return records.forget(arg, flags);
}

/** Runs the command, and ends the process: a wallet's connections may outlive their use. */
export async function main(given: string[]): Promise<void> {
  outliveReaders();
  silenceLibraries();
  let read: Arguments | undefined;
  let exit: number;
  try {
    read = readArguments(given);
    exit = await run(read, process.exit);
  } catch (error) {
    exit = await tell(error, read ?? { command: "URL", flags: { json: given.includes("--json") } });
  }
  // What was written may still be on its way into a pipe.
  process.stdout.write("", () => process.exit(exit));
}
