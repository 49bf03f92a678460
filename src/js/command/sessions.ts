// `sessions` and `close`: MPP sessions, and what comes back of them.
import type { ClosedSession, Session } from "../core/payment.js";
import { openClient } from "./client.js";
import { EXIT, type Exit } from "./exit.js";
import type { Flags } from "./flags.js";
import { print, printJson } from "./output.js";

/** Lists the open sessions. */
export async function sessions({ json }: Flags): Promise<Exit> {
  const { pay, ledger } = openClient({});
  const open = await pay.sessions();
  await ledger.written();
  await show(open, json, async () => {
    if (open.length === 0) return "no session is open\n";
    return (await import("./tables.js")).sessionsOf(open);
  });
  return EXIT.done;
}

/** Closes the sessions of an origin, or of all. */
export async function close(origin: string | undefined, { json }: Flags): Promise<Exit> {
  const { pay, ledger } = openClient({});
  const closed = await pay.closeSessions(origin);
  await ledger.written();
  await show(closed, json, async () => {
    if (closed.length === 0) return "no session was open\n";
    return (await import("./tables.js")).closedOf(closed);
  });
  return EXIT.done;
}

async function show(found: Session[] | ClosedSession[], json: boolean | undefined, table: () => Promise<string>) {
  await (json ? printJson(found) : print(await table()));
}
