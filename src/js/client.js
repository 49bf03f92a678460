import { environment } from "./env.js";
import { L402Error } from "./error.js";
import { sendAgain, withToken } from "./repeat.js";

// What the core's books can be asked.
const [PAYMENTS, SPENT, READ_TOKENS, FORGET, RESOLVE] = [0, 1, 2, 3, 4];

// Credentials that are kept ready; the core has them all.
const MOST_KNOWN = 100;

/** The core of one paying fetch, and what is kept of its tokens so that it need not be asked again. */
export function clientOf(Core, config, given) {
  const env = environment({ ...given, run: Core.run });
  const core = new Core(JSON.stringify(config), env, env.traits, env.about);
  const known = new Map();
  /** Tokens by the address that was asked: what the core would say again as long as nothing changes. */
  const reusable = new Map();
  let changing = 0;

  /** A token's header and payment, asked of the core once; one of another resource has an id below 0. */
  function credential(id) {
    if (!id) return;
    let found = known.get(id);
    if (!found && known.size >= MOST_KNOWN) known.clear();
    if (!found) {
      const { expiresAt, ...rest } = JSON.parse(core.credential(id));
      const until = expiresAt === null ? Infinity : expiresAt * 1000;
      known.set(id, (found = { ...rest, id, until, accepted: false, guess: id < 0 && env.isPage }));
    }
    return found;
  }

  /** What may change which token opens what. */
  async function change(task) {
    changing++;
    reusable.clear();
    try {
      return await task();
    } finally {
      changing--;
    }
  }

  const ask = (...question) =>
    change(async () => {
      const told = await core.books(...question);
      return told && JSON.parse(told);
    });

  /** The token to send to an address, where that need not be found out: null where there is none. */
  function ready(plain) {
    const kept = reusable.get(plain);
    if (kept) return env.now() < kept.until ? kept : undefined;
    return core.has_tokens() ? undefined : null;
  }

  return {
    sendAgain,
    withToken,
    ready,
    /** The token to send: its id, header and payment. One that is a `guess` whose preflight may fail goes to `answer` unsent. */
    tokenFor(call) {
      const { plain } = call;
      const found = ready(plain);
      if (found !== undefined) return found;
      const token = call.url ? credential(core.token(call)) : undefined;
      if (token && plain && !changing && !token.guess) {
        if (reusable.size >= MOST_KNOWN) reusable.clear();
        reusable.set(plain, token);
      }
      return token;
    },
    /** Notes that a server took the token: the receipt. */
    accepted(token) {
      if (!token.accepted) core.accepted(token.id);
      token.accepted = true;
      return { payment: token.payment, paidNow: false };
    },
    /** The last response of a call whose first is here, or still to come, and its receipt or null. */
    answer: (call, token, response) =>
      change(async () => {
        const [last, receipt] = await (token?.guess ? core.fetch(call) : core.answer(call, token?.id ?? 0, response));
        return [last, JSON.parse(receipt)];
      }),
    quote: async (call) => JSON.parse(await core.quote(call)),
    reused(call, payment) {
      if (given.onEvent) env.tell(JSON.stringify({ type: "reused", payment, url: call.url }));
    },

    readTokens: () => ask(READ_TOKENS),
    payments: () => ask(PAYMENTS),
    spent: async (origin) => ask(SPENT, readOrigin(origin)),
    forget: async (origin) => ask(FORGET, readOrigin(origin)),
    async resolve(paymentHash, outcome) {
      const preimage = outcome === "failed" ? undefined : outcome?.preimage;
      if (typeof paymentHash !== "string") throw invalid("paymentHash must be a string of 64 hex digits");
      if (outcome !== "failed" && typeof preimage !== "string")
        throw invalid('outcome must be "failed" or { preimage }');
      return ask(RESOLVE, paymentHash, preimage);
    },
    balanceMsat: () => env.balanceMsat(),
  };
}

const invalid = (message) => new L402Error("invalid_options", message);

function readOrigin(origin) {
  if (origin === undefined) return undefined;
  try {
    return new URL(origin).href;
  } catch {
    throw invalid("origin must be an absolute url");
  }
}
