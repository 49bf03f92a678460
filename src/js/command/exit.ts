// Exit codes, by what a script does about them.
import { type ErrorCode, L402Error } from "../core/error.js";
import type { Payment } from "../core/payment.js";

/** The exit codes. After a signal it is 128 and the signal's number, as in shells. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  wallet: 3,
  status: 4,
  limits: 5,
  refused: 6,
  failed: 7,
  unknown: 8,
  unanswered: 9,
  network: 10,
  ledger: 11,
  output: 12,
} as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, for the help. */
export const MEANINGS: readonly [code: number, meaning: string][] = [
  [EXIT.done, "done: the answer's status is below 400"],
  [EXIT.bug, "an error of this program's own"],
  [EXIT.usage, "wrong arguments, wrong config, a wallet set by half, or too old a Node"],
  [EXIT.wallet, "no wallet is set, or it does not answer what it was asked"],
  [EXIT.status, "the answer's status is 400 or above: a 402 that could not be paid, too"],
  [EXIT.limits, "not paid: over a limit"],
  [EXIT.refused, "not paid: the offer, the host or the request was refused"],
  [EXIT.failed, "not paid: the wallet is certain that nothing was paid and nothing will be"],
  [EXIT.unknown, "perhaps paid: nobody can tell yet. The amount stays reserved; run it again"],
  [EXIT.unanswered, "paid, and no whole answer came. Run it again: a token is not paid for twice"],
  [EXIT.network, "not paid: the server could not be reached, or its answer broke off"],
  [EXIT.ledger, "not paid: the ledger can't be read or written"],
  [EXIT.output, "the answer could not be written to its file or pipe"],
  [130, "ended by Ctrl-C (129 and 143: by a hang-up or TERM)"],
];

/** Every other code is a refusal. */
const OF_CODES: Partial<Record<ErrorCode, Exit>> = {
  invalid_options: EXIT.usage,
  load_failed: EXIT.bug,
  over_limit: EXIT.limits,
  store_failed: EXIT.ledger,
  payment_failed: EXIT.failed,
  payment_unknown: EXIT.unknown,
  no_preimage: EXIT.unknown,
  wrong_preimage: EXIT.unknown,
  request_failed: EXIT.unanswered,
};

/** What this program itself finds wrong. */
export class Problem extends Error {
  readonly exit: Exit;
  /** What this run had paid before. */
  payment?: Payment;
  constructor(exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

export const usage = (message: string): Problem => new Problem(EXIT.usage, message);

/** The problem with an exit code, whatever was thrown. */
export function problemOf(error: unknown): { exit: Exit; code: string; message: string } {
  // `approve` threw it: there is no wallet.
  const own = error instanceof L402Error && error.cause instanceof Problem ? error.cause : error;
  if (own instanceof Problem) return { exit: own.exit, code: nameOf(own.exit), message: own.message };
  if (own instanceof L402Error) {
    const { code, cause } = own;
    const reason = networkReason(cause) ?? (Object(cause) as Partial<Error>).message;
    const message = reason && !own.message.includes(reason) ? `${own.message} (${reason})` : own.message;
    return { exit: OF_CODES[code] ?? EXIT.refused, code, message };
  }
  const network = networkReason(own);
  if (network) return { exit: EXIT.network, code: nameOf(EXIT.network), message: `no answer came: ${network}` };
  const { stack } = Object(own) as Partial<Error>;
  return { exit: EXIT.bug, code: nameOf(EXIT.bug), message: `this is a bug, please report it: ${stack ?? own}` };
}

const nameOf = (exit: Exit) => Object.entries(EXIT).find(([, code]) => code === exit)?.[0] ?? "bug";

/** Why no answer came, or no whole one: what fetch hides in the cause. Undefined of any other error. */
export function networkReason(error: unknown): string | undefined {
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return undefined;
  const { code, message } = error.cause as NodeJS.ErrnoException;
  return `${message || error.message}${code && !message.includes(code) ? ` (${code})` : ""}`;
}
