// `l402-fetch URL`
import type { Remaining } from "../core/limits.js";
import { L402Error } from "../core/error.js";
import type { PaymentEvent, Quote } from "../core/payment.js";
import { receiptOf } from "../entries/node.js";
import { load } from "../loading/disk.js";
import { type Client, noWallet, openClient } from "./client.js";
import { EXIT, type Exit, networkReason, Problem, problemOf } from "./exit.js";
import type { Flags } from "./flags.js";
import { watchSignals } from "./interrupt.js";
import { coloured, mustBeWritable, plain, print, printJson, say, writeBody } from "./output.js";
import { requestOf } from "./request.js";

/** Why a 402 came back untouched, for people. */
const UNPAYABLE = {
  no_challenge: "it names no price",
  challenge_hidden: "its price is hidden",
  no_lightning: "it offers no payment over Lightning",
  authorization_set: "your own header is where the proof of payment would go",
  request_mode: "a request of this method can't carry a proof of payment",
};

/** Fetches, and pays. `end` ends the program after a signal. */
export async function buy(address: string, flags: Flags, end: (exit: number) => void): Promise<Exit> {
  // Another thread compiles the core, while this one loads what fetch needs. An error comes again when it is used.
  load().catch(() => {});
  const { url, init } = requestOf(address, flags);
  const path = flags.output === "-" ? undefined : flags.output;
  if (path !== undefined) await mustBeWritable(path);
  if (flags["dry-run"]) return dryRun(url, init, flags);

  const { note } = watchSignals(end);
  const progress = process.stderr.isTTY && !flags.silent ? tell : () => {};
  const onEvent = (event: PaymentEvent) => {
    if (event.type === "unpayable") say(`a 402 was not paid: ${event.hint ?? UNPAYABLE[event.reason]}`);
    progress(event);
    note(event);
  };
  const { pay, ledger } = openClient(flags, { onEvent });
  const response = await pay(url, init);
  try {
    await write(response, url, path, flags);
  } catch (error) {
    const receipt = receiptOf(response);
    if (error instanceof Problem && receipt?.paidNow) error.payment = receipt.payment;
    throw error;
  } finally {
    await ledger.written();
  }
  return response.status < 400 ? EXIT.done : EXIT.status;
}

/** Writes the answer: its body, or JSON. */
async function write(response: Response, url: string, path: string | undefined, flags: Flags) {
  const receipt = receiptOf(response);
  const body = wholeBody(response, receipt?.paidNow ? EXIT.unanswered : EXIT.network);
  const head = headOf(response, flags);
  if (!flags.json) return writeBody(body, head, path);
  if (path !== undefined) await writeBody(body, head, path);
  const written = path === undefined ? await bodyAsJson(body) : { file: path };
  const paid = receipt ? { paidNow: receipt.paidNow, ...receipt.payment } : null;
  const headers = Object.fromEntries(response.headers);
  return printJson({ url: response.url || url, status: response.status, headers, ...written, paid });
}

/** The body's pieces. If it breaks off, that is an error of its own. */
async function* wholeBody({ body }: Response, exit: Exit): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw new Problem(exit, `the answer broke off: ${networkReason(cause) ?? cause}`, { cause });
      });
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** As text if it is UTF-8, else in base64. */
async function bodyAsJson(body: AsyncIterable<Uint8Array>) {
  const bytes = Buffer.concat(await Array.fromAsync(body));
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), encoding: "utf-8" };
  } catch {
    return { body: bytes.toString("base64"), encoding: "base64" };
  }
}

/** With `-i` the status line and the headers. fetch does not tell the version of HTTP. */
function headOf({ status, statusText, headers }: Response, flags: Flags) {
  if (!flags.include) return "";
  const lines = [`HTTP/1.1 ${status} ${statusText}`, ...Array.from(headers, ([name, value]) => `${name}: ${value}`)];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Tells the person at the terminal how it goes. */
function tell(event: PaymentEvent) {
  if (event.type === "quote") {
    const { amountSat, origin, invoice, deposit } = event.quote;
    const what = `${deposit ? "a deposit of " : ""}${amountSat} sat`;
    say(`${origin} asks for ${what}${invoice.description ? ` for "${invoice.description}"` : ""}`);
  } else if (event.type === "paying") say("asking the wallet …");
  else if (event.type === "paid") {
    const fee = event.payment.feeMsat > 0 ? `, and ${event.payment.feeMsat / 1000} sat as a fee` : "";
    say(`paid ${event.payment.amountSat} sat${fee}`);
  } else if (event.type === "reused") say("already paid for: a token was used");
  else if (event.type === "passed_over" || event.type === "rejected") say(event.message);
}

type Refusal = ReturnType<typeof problemOf>;

/** Headers that carry a proof of payment. */
const PROOFS = ["authorization", "payment-authorization", "payment-signature"];

/** What would be paid, and whether the limits allow it. All checks run; the last one says no. */
async function dryRun(url: string, init: RequestInit, flags: Flags): Promise<Exit> {
  let asked: Response | undefined;
  const client = openClient(flags, {
    approve: () => false,
    // The 402 that gave the price is used for the checks, too: the server is asked once. It is no answer to a token.
    async fetch(input, init) {
      const headers = new Headers(init?.headers);
      if (asked && !PROOFS.some((name) => headers.has(name))) return asked.clone();
      const response = await globalThis.fetch(input, init);
      if (response.status === 402) asked ??= new Response(null, { status: 402, headers: response.headers });
      return response;
    },
  });
  const price = await client.pay.quote(url, init);
  const refusal = price && (await refusalOf(client, url, init));
  const quote = refusal === undefined ? null : price;
  const remaining = await client.pay.remaining(url);
  if (flags.json) {
    const { code, message } = refusal ?? {};
    await printJson({ quote, wouldPay: !!quote && !refusal, refusal: refusal ? { code, message } : null, remaining });
  } else if (quote) await print(describe(quote, refusal, remaining));
  else await print("nothing to pay: it is free, or a token of the ledger opens it\n");
  return refusal?.exit ?? EXIT.done;
}

/** Why it would not be paid; null if it would. Undefined if another run has just paid for it. */
async function refusalOf({ pay, wallet }: Client, url: string, init: RequestInit) {
  try {
    await pay(url, init);
    return undefined;
  } catch (error) {
    // `declined` comes last: all other checks were passed.
    if (!(error instanceof L402Error && error.code === "declined")) return problemOf(error);
    return wallet ? null : problemOf(noWallet());
  }
}

function describe(quote: Quote, refusal: Refusal | null | undefined, remaining: Remaining) {
  const { amountSat, amountMsat, protocol, invoice, deposit } = quote;
  const exactly = (amountMsat % 1000 ? ` (${amountMsat} msat)` : "") + (deposit ? ", the deposit of a session" : "");
  const limits = [
    `${remaining.payment} sat for this payment`,
    ...(["hour", "day", "total"] as const).flatMap((span) =>
      remaining[span] === null ? [] : `${remaining[span]} sat of ${span === "total" ? "all" : `the ${span}`}`,
    ),
  ];
  const verdict = refusal ? coloured("red", `no: ${plain(refusal.message)}`) : coloured("green", "yes");
  const rows = [
    ["price", coloured("bold", `${amountSat} sat`) + exactly],
    ["for", invoice.description === null ? "not said" : `"${plain(invoice.description)}"`],
    ["protocol", protocol],
    ["network", invoice.network],
    ["expires", new Date(invoice.expiresAt * 1000).toISOString()],
    ["left", limits.join(", ")],
    ["would pay", verdict],
    ["invoice", invoice.paymentRequest],
  ];
  return rows.map(([name = "", value]) => `${name.padEnd(11)}${value}\n`).join("");
}
