// `payments`, `spent`, `balance`, `resolve` and `forget`
import type { Filter } from "../core/filter.js";
import type { PaidFetch } from "../core/fetch.js";
import type { Payment } from "../core/payment.js";
import { noWallet, openClient } from "./client.js";
import { EXIT, type Exit, Problem, usage } from "./exit.js";
import { type Flags, number } from "./flags.js";
import { print, printJson } from "./output.js";

/** What a table shows unless it is told a number. */
const PAGE = 20;
/** The most that the ledger gives at once. */
const MOST = 1000;

export async function payments(flags: Flags): Promise<Exit> {
  const { pay } = openClient({});
  const { origin, state, scope, since, before } = flags;
  const filter: Filter = { limit: number("limit", flags.limit) ?? PAGE };
  if (origin !== undefined) filter.origin = origin;
  if (state !== undefined) filter.state = state as Payment["state"];
  if (scope !== undefined) filter.scope = scope;
  if (since !== undefined) filter.since = timeOf(since);
  if (before !== undefined) filter.before = await hashOf(pay, before);
  const found = await pay.payments(filter);
  if (flags.json) await printJson(found);
  else {
    const { csvOf, tableOf } = await import("./tables.js");
    await print(flags.csv ? csvOf(found) : tableOf(found));
  }
  return EXIT.done;
}

export async function spent(origin: string | undefined, flags: Flags): Promise<Exit> {
  const { pay } = openClient(flags);
  const [sums, left] = [await pay.spent(origin), await pay.remaining(origin)];
  if (flags.json) {
    await printJson({ spent: sums, remaining: left });
    return EXIT.done;
  }
  const line = (name: string, spent: number, left: number | null) =>
    `${name.padEnd(10)}${`${spent} sat`.padStart(12)}   ${left === null ? "no limit" : `${left} sat left`}\n`;
  await print(line("last hour", sums.hour, left.hour));
  await print(line("last day", sums.day, left.day));
  await print(line("ever", sums.total, left.total));
  await print(`one payment may cost ${left.payment} sat now, fee included\n`);
  return EXIT.done;
}

export async function balance(flags: Flags): Promise<Exit> {
  const { pay, wallet } = openClient({});
  if (!wallet) throw noWallet();
  const msat = await pay.balanceMsat().catch((cause) => {
    throw new Problem(EXIT.wallet, (cause as Error).message, { cause });
  });
  if (msat === null) throw new Problem(EXIT.wallet, "this wallet does not tell its balance");
  if (flags.json) await printJson({ balanceMsat: msat, balanceSat: Math.floor(msat / 1000) });
  else await print(`${Math.floor(msat / 1000)} sat\n`);
  return EXIT.done;
}

export async function resolve(hash: string | undefined, { preimage, failed }: Flags): Promise<Exit> {
  if (hash === undefined) throw usage("resolve needs the payment's hash: `l402-fetch payments` shows it");
  if ((preimage === undefined) === !failed)
    throw usage("resolve needs either --preimage HEX, which your wallet shows, or --failed");
  const { pay } = openClient({});
  const whole = await hashOf(pay, hash);
  await pay.resolve(whole, preimage === undefined ? "failed" : { preimage });
  await print(`settled: ${whole} ${preimage === undefined ? "failed" : "was paid"}\n`);
  return EXIT.done;
}

export async function forget(origin: string | undefined, { all }: Flags): Promise<Exit> {
  if ((origin === undefined) === !all) throw usage("forget needs either a url of the origin, or --all");
  const { pay } = openClient({});
  await pay.forget(origin);
  await print(`forgotten: the tokens of ${origin === undefined ? "all origins" : new URL(origin).origin}\n`);
  return EXIT.done;
}

/** A payment's hash from its first digits, as the table shows them. */
async function hashOf(pay: PaidFetch, text: string) {
  const start = text.toLowerCase();
  if (!/^[0-9a-f]{8,64}$/.test(start)) throw usage("a payment's hash has 64 hex digits; its first 8 may do");
  if (start.length === 64) return start;
  const found = (await pay.payments({ limit: MOST })).filter(({ paymentHash }) => paymentHash.startsWith(start));
  const [payment] = found;
  if (!payment) throw usage(`none of the newest ${MOST} payments begins with ${start}: give all 64 digits`);
  if (found.length > 1) throw usage(`${found.length} payments begin with ${start}: give more digits`);
  return payment.paymentHash;
}

/** A date, a time or Unix seconds, as Unix seconds. */
function timeOf(text: string) {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (Number.isNaN(time)) throw usage("--since must be a date, such as 2026-01-31, or Unix seconds");
  return Math.floor(time);
}
