// What `mcp` needs of this user: ledger, settings, wallet, signals. Standard output is the protocol's alone.
import { readHost } from "../core/host.js";
import { noWallet, openClient } from "./client.js";
import { EXIT, usage } from "./exit.js";
import type { Flags } from "./flags.js";
import { watchSignals } from "./interrupt.js";
import { say } from "./output.js";
import { VERSION } from "./version.js";

/** Serves a client until it goes, or until a signal. `end` ends the program. */
export async function mcp(flags: Flags, end: (exit: number) => void): Promise<never> {
  const { allow = [] } = flags;
  for (const host of allow)
    if (readHost(host) === undefined)
      throw usage(`--allow must be a host or an origin, such as localhost:3000: ${host}`);
  const { note, leave } = watchSignals(end);
  const { pay, wallet, ledger } = openClient(flags, { onEvent: note });
  // A model could do nothing about it.
  if (!wallet) throw noWallet();
  const { serve } = await import("./mcp.js");
  if (process.stdin.isTTY) say("waiting for a client of the Model Context Protocol on standard input; Ctrl-C ends it");
  await serve(pay, { version: VERSION, allow });
  await ledger.written();
  leave(EXIT.done);
  // A payment may be under way: it ends the program.
  return new Promise(() => {});
}
