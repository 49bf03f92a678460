import { environment, type Given, hooksOf } from "./env.js";
import { L402Error } from "./error.js";
import { type Filter, readFilter } from "./filter.js";
import type { Remaining } from "./limits.js";
import type { Config, ReadScope } from "./options.js";
import type { Protocol } from "./parsers.js";
import type { ClosedSession, Payment, Quote, Receipt, Session } from "./payment.js";
import { discard } from "./redirect.js";
import { isUnproven, sendAgain, withToken } from "./repeat.js";
import type { Call } from "./request.js";
import { watched } from "./stream.js";

// The questions that the core's ledger can be asked.
const PAYMENTS = 0;
const SPENT = 1;
const FORGET = 2;
const RESOLVE = 3;
const REMAINING = 4;
const SESSIONS = 5;
const CLOSE = 6;

// In place of a token: the store has to be read first.
const UNREAD = -2147483648;

// For how many milliseconds a slow store may delay a request that may have nothing to pay.
const PATIENCE = 5_000;

// The headers in which servers attest a payment.
const RECEIPTS: Partial<Record<Protocol, string>> = { mpp: "payment-receipt", x402: "payment-response" };

// How many credentials are kept here. The core has them all.
const MOST_KNOWN = 100;

/** A token that can be sent, as the core knows it. */
export interface Credential {
  /** Below 0 where it was bought for another resource. */
  id: number;
  /** The header. */
  field: string;
  value: string;
  payment: Payment;
  /** Milliseconds since the Unix epoch. */
  until: number;
  /** Whether a server has taken it. */
  accepted: boolean;
  /** Whether its preflight may fail. */
  guess: boolean;
}

export type Client = ReturnType<typeof clientOf>;

/** The core of one paying fetch, and a cache of its tokens. */
export function clientOf(Core: typeof import("../core.js").Core, config: Config, given: Omit<Given, "run">) {
  const env = environment({ ...given, run: Core.run });
  const hooks = hooksOf(given);
  const options = JSON.stringify({ ...config, limits: given.limits });
  const core = new Core(options, { ...env, ...hooks }, env.traits | hooks.traits, env.about);
  const known = new Map<number, Credential>();
  /** Tokens by the address that was asked. The core gives the same answer as long as nothing changes. */
  const reusable = new Map<string, Credential>();
  let changing = 0;
  /** The cores of the scopes; they go with them. */
  const cores = new WeakMap<ReadScope, typeof core>();

  function coreOf(scope: ReadScope): typeof core {
    const { outer, name, limits } = scope;
    if (!outer) return core;
    let own = cores.get(scope);
    if (!own) {
      const hooks = hooksOf(scope);
      own = coreOf(outer).within(name, JSON.stringify(limits), { ...env, ...hooks }, env.traits | hooks.traits);
      cores.set(scope, own);
    }
    return own;
  }

  /** A token's header and payment. The core is asked once. */
  function credential(id: number) {
    if (!id) return undefined;
    let found = known.get(id);
    if (!found && known.size >= MOST_KNOWN) known.clear();
    if (!found) {
      const { expiresAt, ...rest } = JSON.parse(core.credential(id));
      const until = expiresAt === null ? Infinity : expiresAt * 1000;
      found = { ...rest, id, until, accepted: false, guess: id < 0 && env.isPage } as Credential;
      known.set(id, found);
    }
    return found;
  }

  /** Runs a task that may change which token opens what. */
  async function change<Result>(task: () => Promise<Result>): Promise<Result> {
    changing++;
    reusable.clear();
    try {
      return await task();
    } finally {
      changing--;
    }
  }

  const ask = (scope: ReadScope, question: number, subject?: string, preimage?: string) =>
    change(async () => {
      const told = await coreOf(scope).records(question, subject, preimage);
      return told && JSON.parse(told);
    });

  /** Pays a deposit for a stream that waits for one. The core tells the listeners why it pays none. */
  async function topUp(core: InstanceType<typeof Core>, call: Call, session: string) {
    // Some servers act on a request with a body, so a request without one asks first.
    for (const asking of call.url ? [env.ownCall("GET", call.url), call] : []) {
      if (!asking.replayable) return;
      const [{ status }, receipt] = await core.top_up(asking, session).then(([response, receipt]) => {
        discard(response);
        return [response, receipt] as const;
      });
      // Only where nothing answers to that method, the stream's own request asks.
      if (JSON.parse(receipt) || !/^(404|405|501)$/.test(String(status))) return;
    }
  }

  /** The cached token for an address. null: there are no tokens at all. undefined: ask the core. */
  function ready(plain: string | undefined) {
    const kept = reusable.get(plain as string);
    if (kept) return env.now() < kept.until ? kept : undefined;
    return core.has_tokens() ? undefined : null;
  }

  /** Waits for a store that may be slow or fail, but not for long: a purchase reads it again. */
  async function readToken(call: Call) {
    call.hold();
    const patience = env.timer(PATIENCE);
    await Promise.race([core.read(call).catch(() => {}), patience.promise]);
    patience.cancel();
    const id = core.token(call);
    return id === UNREAD ? undefined : credential(id);
  }

  return {
    sendAgain,
    withToken,
    ready,
    /**
     * The token to send; a promise if the store has to be read first. If it is a `guess`, its preflight may fail: the
     * call then goes to `answer` unsent.
     */
    tokenFor(call: Call): Credential | null | undefined | Promise<Credential | undefined> {
      const { plain } = call;
      const found = ready(plain);
      if (found !== undefined) return found;
      const id = call.url ? core.token(call) : 0;
      if (id === UNREAD) return readToken(call);
      const token = credential(id);
      // Redirects of any other header are followed by hand.
      if (token && plain && !changing && !token.guess && token.field === "authorization") {
        if (reusable.size >= MOST_KNOWN) reusable.clear();
        reusable.set(plain, token);
      }
      return token;
    },
    /** Notes that a server took the token. Gives the receipt. */
    accepted(token: Credential, response: Response): Receipt | undefined {
      if (isUnproven(response)) return undefined;
      if (!token.accepted) core.accepted(token.id);
      token.accepted = true;
      const receipt: Receipt = { payment: token.payment, paidNow: false };
      const field = RECEIPTS[token.payment.protocol];
      const header = field && env.status(response) > 0 && response.headers.get(field);
      const attested = header && core.attested(token.id, header);
      if (attested) receipt.attested = JSON.parse(attested);
      return receipt;
    },
    /** Takes a call to its end; a `guess` is sent first. Gives the last response, and the receipt or null. */
    answer: (scope: ReadScope, call: Call, token: Credential | null | undefined, response: Response | undefined) =>
      change(async (): Promise<[Response, Receipt | null]> => {
        const core = coreOf(scope);
        const [last, text] = await core.answer(call, token?.id ?? 0, response);
        const receipt: Receipt | null = JSON.parse(text);
        return [receipt?.payment.sessionId ? watched(last, (session) => topUp(core, call, session)) : last, receipt];
      }),
    quote: async (_scope: ReadScope, call: Call): Promise<Quote | null> => JSON.parse(await core.quote(call)),
    /** Tells that a token was used again. `asked` is the call, or an address that was asked alone. */
    reused(scope: ReadScope, asked: Call | string, payment: Payment) {
      if (!listens(scope)) return;
      const url = typeof asked === "string" ? plainUrl(asked) : asked.url;
      tell(scope, JSON.stringify({ type: "reused", payment, url }));
    },

    payments: async (scope: ReadScope, filter?: Filter): Promise<Payment[]> =>
      ask(scope, PAYMENTS, JSON.stringify(readFilter(filter, scope))),
    spent: async (scope: ReadScope, origin?: string) => ask(scope, SPENT, readOrigin(origin)),
    remaining: async (scope: ReadScope, origin?: string): Promise<Remaining> =>
      ask(scope, REMAINING, readOrigin(origin)),
    forget: async (scope: ReadScope, origin?: string): Promise<void> => ask(scope, FORGET, readOrigin(origin)),
    async resolve(scope: ReadScope, paymentHash: string, outcome: { preimage: string } | "failed"): Promise<void> {
      const preimage = outcome === "failed" ? undefined : outcome?.preimage;
      if (typeof paymentHash !== "string") throw invalid("paymentHash must be a string of 64 hex digits");
      if (outcome !== "failed" && typeof preimage !== "string")
        throw invalid('outcome must be "failed" or { preimage }');
      return ask(scope, RESOLVE, paymentHash, preimage);
    },
    sessions: async (scope: ReadScope): Promise<Session[]> => ask(scope, SESSIONS),
    closeSessions: async (scope: ReadScope, origin?: string): Promise<ClosedSession[]> =>
      ask(scope, CLOSE, readOrigin(origin)),
    balanceMsat: (_scope: ReadScope) => env.balanceMsat(),
  };
}

const listens = ({ onEvent, outer }: ReadScope): boolean => !!onEvent || (!!outer && listens(outer));

/** Without user, password and fragment. */
function plainUrl(address: string) {
  const url = new URL(address);
  url.username = url.password = "";
  return url.href.split("#", 1)[0];
}

/** Tells every listener outwards, outermost first. */
function tell(scope: ReadScope, event: string) {
  if (scope.outer) tell(scope.outer, event);
  hooksOf(scope).tell(event);
}

const invalid = (message: string) => new L402Error("invalid_options", message);

function readOrigin(origin?: string) {
  if (origin === undefined) return undefined;
  try {
    return new URL(origin).href;
  } catch {
    throw invalid("origin must be an absolute url");
  }
}
