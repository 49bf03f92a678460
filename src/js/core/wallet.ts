import type { WalletMethod } from "./options.js";
import type { Invoice } from "./parsers.js";
import { digest, RECORDS } from "./records.js";

/** Pays one invoice. */
export type PayFunction = (invoice: Invoice, context: PayContext) => PayResult | Promise<PayResult>;

/**
 * The answer of a wallet:
 *
 * - a preimage of 64 hex digits (or base64), alone or in an object: paid, once it hashes to the payment hash;
 * - `failed`: the wallet is certain that nothing was paid and nothing will be (`payment_failed`, the amount is
 *   released);
 * - `true`: paid, only with `proof: "none"`.
 *
 * A throw leaves the outcome unknown. The payment is then looked up, and if nobody can tell, it is `payment_unknown`. A
 * refusal by the user of a WebLN wallet counts as `failed`.
 */
export type PayResult = string | { preimage: string; feeMsat?: number } | { failed: string; cause?: unknown } | true;

/** What a wallet gets besides the invoice. */
export interface PayContext {
  /** The URL that is paid for, without user, password and fragment. */
  url: string;
  /** The most that the routing fee may be; possibly 0. */
  maxFeeMsat: number;
  /** Fires at `paymentTimeout`, and only then. */
  signal: AbortSignal;
}

/** A wallet that can do more than pay. */
export interface Wallet {
  /** Pays one invoice. */
  pay: PayFunction;
  /**
   * Tells the outcome of an earlier payment, so that an interrupted payment is recovered without paying twice.
   * `failed`: the wallet is certain that nothing was paid and nothing will be. `not_found`: it has no record, which
   * alone proves nothing.
   */
  lookup?(
    paymentHash: string,
  ): Promise<
    | { state: "paid"; preimage: string; feeMsat?: number }
    | { state: "pending" }
    | { state: "failed" }
    | { state: "not_found" }
  >;
  /**
   * Names the wallet, so that the lookup of another wallet ends none of its payments. Without it, each client counts as
   * a wallet of its own. The modules of this package derive it from endpoint and account.
   */
  id?: string;
  /**
   * Whether the wallet never pays one payment hash twice, whatever it is asked. An abandoned order may then be given to
   * it again. Default: false.
   */
  settlesOnce?: boolean;
  /** What the wallet can still spend. null if it can't tell. */
  balanceMsat?(): Promise<number | null>;
  /**
   * Makes an invoice that pays this wallet: the refund of an MPP session goes there. Rejects if the wallet can't make
   * it, with an Error that says why.
   */
  makeInvoice?(order: InvoiceOrder): Promise<string>;
  /**
   * The millisatoshis that this wallet has received so far on its own invoice of this payment hash (hex). 0 if nothing
   * has come in, null if it can't tell. Rejects if the wallet does not answer.
   */
  received?(paymentHash: string): Promise<number | null>;
}

/** What an invoice of the wallet's own is to be like. */
export interface InvoiceOrder {
  /** Whole millisatoshis, at least 1. null: the payer names the amount. */
  amountMsat: number | null;
  /** Whoever gets the invoice can read it. */
  description: string;
  /** For how many seconds the invoice can be paid; whole, at least 1. */
  expirySeconds: number;
}

/** The part of a WebLN provider that is used. */
export interface WebLNProvider {
  /** Asks the user for access. It is called before each payment. */
  enable(): Promise<unknown>;
  /** Pays a BOLT11 invoice. `preimage` is hex. */
  sendPayment(paymentRequest: string): Promise<{ preimage: string }>;
}

/**
 * The part of a Nostr Wallet Connect client that is used. `createFetch` itself uses only `payInvoice`; `nwc(client)` of
 * `l402-fetch/wallets/nwc` uses all. `amount`, `fees_paid` and `balance` are in msat.
 */
export interface NwcClient {
  /** Pays a BOLT11 invoice. `preimage` is hex. */
  payInvoice(args: { invoice: string }): Promise<{ preimage: string; fees_paid?: number }>;
  /** Tells the outcome of an earlier payment. */
  lookupInvoice?(args: { payment_hash: string }): Promise<{
    type?: string;
    state?: string;
    preimage?: string;
    amount?: number;
    settled_at?: number;
    fees_paid?: number;
  }>;
  /** What the wallet can still spend. */
  getBalance?(): Promise<{ balance: number }>;
  /** Makes an invoice. `expiry` is in seconds; an `amount` of 0 leaves it to the payer. */
  makeInvoice?(args: { amount: number; description?: string; expiry?: number }): Promise<{ invoice: string }>;
}

// The names under which wallets give the preimage.
const PREIMAGE_KEYS = ["preimage", "payment_preimage", "preImage", "paymentPreimage"];

/**
 * What a wallet's answer is read as.
 *
 * @internal
 */
export type Answer =
  | { preimage: string; feeMsat?: number }
  | Failed
  | { proven: true }
  | { nothing: string }
  | { threw: unknown; heard: unknown };
/**
 * Nothing was paid nor will be.
 *
 * @internal
 */
export type Failed = { failed: string; cause?: unknown };
/**
 * What a lookup shows.
 *
 * @internal
 */
export type Found = {
  state: "paid" | "pending" | "failed" | "not_found";
  preimage?: string;
  feeMsat?: number;
  begunAt?: number;
};
/**
 * Every kind of wallet, in one form.
 *
 * @internal
 */
export interface AnyWallet {
  about: object;
  pay(invoice: Invoice, context: PayContext): Promise<Answer>;
  lookup?(paymentHash: string): Promise<Found | null>;
  balanceMsat?(): Promise<number | null>;
  makeInvoice?(order: InvoiceOrder): Promise<string>;
  received?(paymentHash: string): Promise<number | null>;
}

/** An object of the user's, with any members. */
type Loose = Record<PropertyKey, unknown>;
type Ask = (invoice: Invoice, context: PayContext) => unknown;

/**
 * Reads all that `wallet` may be. `pay` of what it gives resolves to exactly one of
 *
 * - `{ preimage, feeMsat? }`: text that claims to be the preimage, not yet proven
 * - `{ failed, cause? }`: nothing was paid nor will be
 * - `{ proven: true }`: the wallet said `true`
 * - `{ nothing }`: an answer without a preimage, described without its contents
 * - `{ threw, heard }`: the wallet threw, the outcome is unknown, and a module of ours tells more: see `RECORDS`
 *
 * It rejects with what the wallet threw if the outcome is unknown. It never throws. `about` says what is known of the
 * wallet. `lookup` resolves to null if the answer says nothing, `balanceMsat` and `received` if the wallet can't tell.
 * `makeInvoice` rejects if the wallet gives no invoice.
 *
 * @param method how the wallet is asked, as `walletMethod` read it
 * @internal
 */
export function readWallet(given: unknown, method: WalletMethod | null): AnyWallet {
  const wallet = given as Loose & Wallet & WebLNProvider & NwcClient & PayFunction;
  const has = (key: string) => wallet != null && typeof wallet[key] === "function";
  let ask: Ask;
  let balanceMsat: (() => unknown) | undefined;
  if (method === "pay") ask = (invoice, context) => call(wallet, "pay", invoice, context);
  else if (method === "sendPayment") ({ pay: ask, balanceMsat } = weblnWallet(() => wallet));
  else if (method === "payInvoice") ask = (invoice) => askNwc(wallet, invoice);
  else ask = (invoice, context) => wallet(invoice, context);

  if (has("balanceMsat")) balanceMsat = () => wallet.balanceMsat?.();
  const { id, settlesOnce, [RECORDS]: records }: Loose = method === "pay" ? wallet : {};
  return {
    about: {
      ...(records as object | undefined),
      id: typeof id === "string" ? digest(id) : null,
      settlesOnce: settlesOnce === true,
    },
    async pay(invoice, context) {
      try {
        return readAnswer(await ask(invoice, context));
      } catch (threw) {
        const heard = (threw as Loose | undefined)?.[RECORDS];
        if (heard) return { threw, heard };
        throw threw;
      }
    },
    ...(has("lookup") && { lookup: async (paymentHash: string) => readLookup(await wallet.lookup?.(paymentHash)) }),
    ...(balanceMsat && { balanceMsat: async () => msat(await balanceMsat?.()) ?? null }),
    // Providers and clients have methods of these names, too, with other parameters.
    ...(method === "pay" && {
      ...(has("makeInvoice") && {
        async makeInvoice(order: InvoiceOrder) {
          const made: unknown = await wallet.makeInvoice?.(order);
          if (typeof made === "string" && /^ln/i.test(made)) return made;
          throw new TypeError("wallet.makeInvoice gave no invoice: a text that begins with ln");
        },
      }),
      ...(has("received") && { received: async (hash: string) => msat(await wallet.received?.(hash)) ?? null }),
    }),
  };
}

/** Calls the wallet's method of this moment: extensions replace theirs. One that is gone can't have paid. */
function call(wallet: object, key: WalletMethod, ...args: unknown[]): unknown {
  const { [key]: method } = wallet as Loose;
  return typeof method === "function"
    ? method.apply(wallet, args)
    : { failed: `wallet.${key} is no longer a function` };
}

async function askNwc(client: NwcClient, invoice: Invoice) {
  try {
    return await call(client, "payInvoice", { invoice: invoice.paymentRequest });
  } catch (cause) {
    return refused(cause);
  }
}

/** What an NWC wallet's refusal comes to; throws any other error. */
function refused(cause: unknown): Failed {
  if (isNwcRefusal(cause)) return { failed: `the wallet refused: ${cause.code}`, cause };
  throw cause;
}

/**
 * Whether an NWC wallet's error says that it did not even try. Any other error may come while a payment is on its way.
 *
 * @internal
 */
export function isNwcRefusal(error: unknown): error is { code: string } {
  return /^(INSUFFICIENT_BALANCE|QUOTA_EXCEEDED|RESTRICTED|UNAUTHORIZED)$/.test(
    (error as { code: string } | null)?.code as string,
  );
}

/**
 * A Wallet that pays through a WebLN provider.
 *
 * @param provider asked for before each payment
 * @internal
 */
export function weblnWallet(provider: () => Partial<WebLNProvider> | undefined) {
  return {
    async pay(invoice: Invoice, context?: PayContext): Promise<PayResult> {
      const webln = provider();
      if (!webln) return { failed: "no webln wallet in this page: install or unlock one, or pass another wallet" };
      try {
        // Each time: a grant can be withdrawn, and asking again costs nothing.
        await webln.enable?.();
      } catch (cause) {
        return { failed: "the webln wallet refused access to this page: allow it in the wallet", cause };
      }
      // The user may have taken longer than `paymentTimeout`. Then the outcome already counts as unknown.
      if (context?.signal?.aborted) return { failed: "the webln wallet gave access too late: call again" };
      try {
        return (await call(webln, "sendPayment", invoice.paymentRequest)) as PayResult;
      } catch (cause) {
        if (isRefusal(cause)) return { failed: "the user refused the payment", cause };
        // Some providers pass on the errors of an NWC client.
        return refused(cause);
      }
    },
    async balanceMsat(): Promise<number | null> {
      const webln = provider() as { enable?(): unknown; getBalance?(): Promise<Loose | null> } | undefined;
      if (typeof webln?.getBalance !== "function") return null;
      await webln.enable?.();
      const { balance, currency = "sats" } = (await webln.getBalance()) ?? {};
      return typeof balance === "number" && typeof currency === "string" && /^sats?$/i.test(currency)
        ? balance * 1000
        : null;
    },
  };
}

/**
 * Whether a WebLN wallet's error says that its user refused: "User rejected" (Alby), "User rejected prompt" (Joule),
 * the `RejectionError` of the webln package. Not "Prompt was closed": both extensions say so as well when their window
 * is closed while the payment is on its way.
 */
function isRefusal(error: unknown) {
  try {
    const { name, message } = error as Error;
    const text = typeof error === "string" ? error : message;
    return name === "RejectionError" || /^user rejected\b/i.test(text);
  } catch {
    return false;
  }
}

function readAnswer(answer: unknown): Answer {
  if (answer === true) return { proven: true };
  if (typeof answer === "string" && answer) return { preimage: answer };
  if (answer === null || typeof answer !== "object") return { nothing: describe(answer) };

  const paid = readPaid(answer as Loose);
  const { failed } = answer as Loose;
  // Nodes give a preimage of zeros with a failure. Any other preimage contradicts the failure, and is checked first.
  if (typeof failed === "string" && failed && (!paid || /^0+$/.test(paid.preimage))) {
    return "cause" in answer ? { failed, cause: answer.cause } : { failed };
  }
  return paid ?? { nothing: "an object without a preimage" };
}

function readPaid(answer: Loose) {
  const preimage = PREIMAGE_KEYS.map((key) => answer[key]).find(
    (value): value is string => typeof value === "string" && value !== "",
  );
  if (preimage === undefined) return undefined;
  const feeMsat = msat(answer.feeMsat) ?? msat(answer.fees_paid);
  return feeMsat === undefined ? { preimage } : { preimage, feeMsat };
}

/**
 * What the wallet reports. The core decides what it means. A preimage that hashes is proof, whatever stands beside it.
 */
function readLookup(given: unknown): Found | null {
  if (given !== Object(given)) return null;
  const answer = given as Loose;
  const state = answer.state as Exclude<Found["state"], "paid">;
  const begunAt = msat(answer.begunAt);
  const paid = readPaid(answer);
  if (paid && !/^0*$/.test(paid.preimage)) return { state: "paid", ...paid };
  return /^(pending|failed|not_found)$/.test(state) ? { state, ...(begunAt !== undefined && { begunAt }) } : null;
}

/** Millisatoshis, or milliseconds, where that is what it is. */
function msat(value: unknown) {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function describe(answer: unknown) {
  if (answer === "") return "an empty text";
  return answer == null || answer === false ? String(answer) : `a ${typeof answer}`;
}
