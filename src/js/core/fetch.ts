import type { Client, Credential } from "./client.js";
import type { Given } from "./env.js";
import { L402Error } from "./error.js";
import type { Filter } from "./filter.js";
import { once } from "./once.js";
import type { Remaining, Scope } from "./limits.js";
import { type Config, type Options, type ReadScope, readOptions, readScope } from "./options.js";
import type { Parsers } from "./parsers.js";
import type { ClosedSession, Payment, Quote, Receipt, Session } from "./payment.js";
import { Call, type Context, type Input, isAddress } from "./request.js";
import { statusOf } from "./shapes.js";
import type { Store } from "./store.js";

/** The result of `createFetch`. It is called like `fetch` and needs no `this`. */
export interface PaidFetch {
  /**
   * Sends the request. If the answer is a 402 that Lightning can pay within the limits, it pays and sends the request
   * again. One call makes at most one payment. Rejects with an L402Error, or with the network's or the caller's own
   * error object.
   */
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Asks the price and never pays. null if the resource is free or already paid for. Limits do not apply. */
  quote(input: string | URL | Request, init?: RequestInit): Promise<Quote | null>;
  /**
   * Payments, newest first. Unsettled ones are first looked up by the wallet, if it can; for 10 s at most. Rejects with
   * `invalid_options`, naming the key.
   */
  payments(filter?: Filter): Promise<Payment[]>;
  /**
   * The satoshis of paid and of unsettled payments in the last hour, the last day, and ever, with the fees that the
   * wallet reported. Each sum is rounded up once. Unsettled payments are looked up first, as for `payments()`.
   *
   * @param origin any URL of the origin; without it, all origins count
   */
  spent(origin?: string): Promise<{ hour: number; day: number; total: number }>;
  /**
   * What may still be spent now under every limit that holds here. Unsettled payments are looked up first, as for
   * `payments()`.
   *
   * @param origin any URL of the origin; without it, the limits of single origins are left out
   */
  remaining(origin?: string): Promise<Remaining>;
  /**
   * The same client under narrower limits: for a task, a tool or a sub-agent. It has the same wallet, store and tokens.
   * What is paid counts here and in every scope around it. Scopes nest.
   *
   * @throws {L402Error} `invalid_options`, naming the key
   */
  within(scope: Scope): PaidFetch;
  /**
   * Settles a payment whose outcome is unknown. A preimage is accepted at any time, even after a mistaken "failed". To
   * repeat a call changes nothing. Rejects with `wrong_preimage`. Rejects with `invalid_options` for an unknown hash,
   * and for "failed" if the payment is proven or the wallet may still be paying.
   */
  resolve(paymentHash: string, outcome: { preimage: string } | "failed"): Promise<void>;
  /** Drops stored tokens and what is known of refused ones: of one origin, or all. The payments stay. */
  forget(origin?: string): Promise<void>;
  /** Open MPP sessions. What the wallet has received of closed ones is counted first: so much less was spent. */
  sessions(): Promise<Session[]>;
  /**
   * Closes open MPP sessions, and waits for what comes back: 20 s each at most. Rejects with `request_failed` if one
   * could not be closed; all others are closed then.
   *
   * @param origin any URL of the origin; without it, the sessions of all origins are closed
   */
  closeSessions(origin?: string): Promise<ClosedSession[]>;
  /** What the wallet can still spend. null if it can't tell. */
  balanceMsat(): Promise<number | null>;
  /**
   * Loads the core now, so that the first payment need not wait for it. Sends, reads and asks nothing. Rejects with
   * `load_failed`; the next call tries again.
   */
  warm(): Promise<void>;
}

/**
 * What nothing needs before the first 402 or the first stored token.
 *
 * @internal
 */
export interface Loaded {
  clientOf(config: Config, given: Omit<Given, "run" | "loadSigner">): Client;
  parsers: Parsers;
  memoryStore(): Store;
}
/**
 * Loads it. Rejects with `load_failed`.
 *
 * @internal
 */
export type Load = () => Promise<Loaded>;

// The core's key for its sums. Read here, it tells an empty store without loading the core.
const SUMS = "sums";

// For how many milliseconds a slow store may delay a request that may have nothing to pay.
const PATIENCE = 5_000;

type Question =
  | "quote"
  | "payments"
  | "spent"
  | "remaining"
  | "forget"
  | "resolve"
  | "sessions"
  | "closeSessions"
  | "balanceMsat";
/** A function of the client, asked for one scope. */
type InScope<Asked> = Asked extends (scope: ReadScope, ...args: infer Args) => infer Told
  ? (...args: Args) => Told
  : never;

const receipts = new WeakMap<Response, Receipt>();
const loads = new WeakMap<object, Load>();

/**
 * What loads the core of a paying fetch. undefined if this is none.
 *
 * @internal
 */
export const loadOf = (pay: object): Load | undefined => loads.get(pay);

/**
 * The receipt of a response: which payment bought its credential. undefined if no credential was used.
 *
 * @function
 */
export const receiptOf = (response: Response): Receipt | undefined => receipts.get(response);

/**
 * One of the core's parsers.
 *
 * @internal
 */
export const parser =
  <Name extends keyof Parsers>(load: Load, name: Name) =>
  async (...given: Parameters<Parsers[Name]>): Promise<Awaited<ReturnType<Parsers[Name]>>> =>
    ((await load()).parsers[name] as (...given: unknown[]) => Awaited<ReturnType<Parsers[Name]>>)(...given);

/**
 * `memoryStore` of an entry. Until something is written there are no rows, and what keeps them is not loaded.
 *
 * @internal
 */
export const memory = (load: Load) => (): Store => {
  let store: Store | undefined;
  return {
    read: async (keys) => store?.read(keys) ?? keys.map(() => null),
    async write(changes, seen) {
      const given = [{ ...changes }, { ...seen }] as const;
      const { memoryStore } = await load();
      store ??= memoryStore();
      return store.write(...given);
    },
    list: async (prefix, options) => store?.list(prefix, options) ?? [],
  };
};

/**
 * Makes a fetch that pays. The core is loaded at the first 402 or the first stored token. `atFirst` is called before
 * the first request: it loads a core that needs no download.
 *
 * @internal
 */
export function createFetch(options: Options, load: Load, forwards?: boolean, atFirst?: () => void): PaidFetch {
  const { config, ...given } = readOptions(options);
  const { fetch, store } = given;
  const context: Context = { fetch, forwards };
  // workerd freezes the promises of a request that has ended, so there no call may wait for another's.
  const shared = forwards ? (task: () => Promise<void>) => task : once;
  let client: Client | undefined;
  let hasRows = !!store;

  async function start() {
    const { clientOf } = await load();
    client ??= clientOf(config, { ...given, hasRows, context });
    context.client = client;
    return client;
  }

  /**
   * Looks whether the store holds anything, once for all first calls. A store that is slow or fails must not stop a
   * request that has nothing to pay. Undefined once that is done.
   */
  let look =
    store &&
    shared(async () => {
      const read = async () => {
        const rows = (await store.read([SUMS])) as unknown[] | undefined;
        if (rows?.[0] === null) hasRows = false;
        else await start();
      };
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE);
        const end = () => {
          clearTimeout(timer);
          resolve();
        };
        // A purchase reads the store again, and rejects if that fails.
        read().then(end, end);
      });
      look = undefined;
    });

  /** Makes the fetch that pays in a scope. */
  function payingIn(scope: ReadScope): PaidFetch {
    /** Notes the receipt of a response, and gives the response. */
    function done(asked: Call | string, response: Response, receipt: Receipt | null | undefined) {
      if (receipt) {
        if (response === Object(response)) receipts.set(response, receipt);
        if (!receipt.paidNow) client?.reused(scope, asked, receipt.payment);
      }
      return response;
    }

    async function pay(input: Input, init?: RequestInit): Promise<Response> {
      atFirst?.();
      atFirst = undefined;

      // Fast path: a bare absolute URL whose token, or that there is none, is already known.
      if (init === undefined && !look && isAddress(input)) {
        const token = client ? client.ready(input) : null;
        if (token === null || (token && !forwards)) {
          const response = await (token ? fetch(input, (client as Client).withToken(token)) : fetch(input));
          if (isLast(token, response)) return done(input, response, token && client?.accepted(token, response));
          return rest(new Call(input, init, context, true), token, response);
        }
      }

      const call = new Call(input, init, context);
      try {
        if (look) {
          call.hold();
          await unlessAborted(call, look());
        }
        const found = client?.tokenFor(call);
        const token = found instanceof Promise ? await unlessAborted(call, found) : found;
        if (token?.guess) return await rest(call, token);
        const response = await call.sent(token ?? undefined);
        return isLast(token, response)
          ? done(call, response, token && client?.accepted(token, response))
          : await rest(call, token, response);
      } finally {
        call.drop();
      }
    }

    const rest = async (call: Call, token: Credential | null | undefined, response?: Response) =>
      done(call, ...(await unlessAborted(call, answer(call, token, response))));

    /**
     * Takes a call to its end. Gives its last response and the receipt. `response` is the first one, if the call was
     * sent already.
     */
    async function answer(call: Call, token: Credential | null | undefined, response?: Response) {
      const started = await start().catch((error) => {
        throw new L402Error(error.code, error.message, { cause: error.cause, response });
      });
      return started.answer(scope, call, token, response);
    }

    const ask = <Name extends Question>(question: Name) =>
      (async (...args: unknown[]) =>
        ((await start())[question] as (...args: unknown[]) => unknown)(scope, ...args)) as InScope<Client[Name]>;

    // The name of the function is "fetch": bundlers rename variables, but no keys. Its length is 1, as that of fetch:
    // the second parameter has a default.
    const { fetch: paying } = { fetch: (input: Input, init: RequestInit | undefined = undefined) => pay(input, init) };

    loads.set(paying, load);
    return Object.assign(paying, {
      async quote(input: Input, init?: RequestInit): Promise<Quote | null> {
        const call = new Call(input, init, context);
        call.hold();
        return await unlessAborted(call, ask("quote")(call)).finally(() => call.drop());
      },
      payments: ask("payments"),
      spent: ask("spent"),
      remaining: ask("remaining"),
      forget: ask("forget"),
      resolve: ask("resolve"),
      sessions: ask("sessions"),
      closeSessions: ask("closeSessions"),
      balanceMsat: ask("balanceMsat"),
      warm: async () => void (await start()),
      within: (narrower: Scope) => payingIn(readScope(narrower, scope)),
    });
  }

  return payingIn(given);
}

/** Whether nothing is to be paid, or the token was taken. A fetch of the user's own may resolve with anything. */
function isLast(token: Credential | null | undefined, response: Response | undefined) {
  const status = statusOf(response);
  return token ? !((status as number) >= 400) : status !== 402;
}

/** Rejects at once with the caller's reason if the caller aborts. What was begun goes on. */
function unlessAborted<Value>({ signal }: Call, promise: Promise<Value>): Promise<Value> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  });
}
