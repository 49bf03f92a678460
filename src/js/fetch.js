import { L402Error } from "./error.js";
import { readOptions } from "./options.js";
import { readRequest } from "./request.js";

// The core's own name for it, so that an empty store is known for one without loading the core.
const TOKENS = "l402-fetch/tokens";

// How long the store may keep a request waiting that may have nothing to pay, in milliseconds.
const PATIENCE = 5_000;

// Credentials that are kept ready; the core has them all.
const MOST_KNOWN = 100;

const receipts = new WeakMap();

/** What a response cost; undefined where no credential was used. */
export const receiptOf = (response) => receipts.get(response);

/** A fetch that pays. The core is loaded by the first 402 or the first stored token, not before. */
export function createFetch(options, load, follow) {
  const { config, ...given } = readOptions(options);
  const { fetch, store, onEvent } = given;
  const context = { fetch, follow };
  const known = new Map();
  /** Tokens by the address that was asked: what the core would say again as long as nothing changes. */
  const reusable = new Map();
  let changing = 0;
  let env;
  let books;
  let core;
  let looked = !store;

  async function start() {
    const needed = await load();
    env ??= needed.environment({ ...given, paymentTimeout: config.paymentTimeout });
    core ??= new needed.core.Core(JSON.stringify(config), env, env.traits);
    books ??= needed.booksOf(core);
  }

  /** The store's tokens, once. A store that can't be read breaks nothing while there is nothing to pay. */
  async function look() {
    let timer;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)));
    const read = async () => (await store.get(TOKENS)) && ask("readTokens")();
    // The next purchase reads the store again, and says so if it still can't.
    await Promise.race([read().catch(() => {}), patience]);
    clearTimeout(timer);
    looked = true;
  }

  /** The token to send: its id, header and payment. */
  function tokenFor(call) {
    if (!core) return;
    const { plain } = call;
    const kept = reusable.get(plain);
    if (kept && env.now() < kept.until) return kept;
    const token = call.url ? credential(core.token(call)) : undefined;
    if (token && plain && !changing) {
      if (reusable.size >= MOST_KNOWN) reusable.clear();
      reusable.set(plain, token);
    }
    return token;
  }

  /** A token's header and payment, asked of the core once. */
  function credential(id) {
    if (!id) return;
    let found = known.get(id);
    if (!found && known.size >= MOST_KNOWN) known.clear();
    if (!found) {
      const { expiresAt, ...rest } = JSON.parse(core.credential(id));
      known.set(id, (found = { ...rest, id, until: expiresAt === null ? Infinity : expiresAt * 1000, accepted: false }));
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

  function done(call, response, receipt) {
    if (receipt) {
      if (response === Object(response)) receipts.set(response, receipt);
      if (onEvent && !receipt.paidNow) env.tell(JSON.stringify({ type: "reused", payment: receipt.payment, url: call.url }));
    }
    return response;
  }

  async function pay(input, init) {
    const call = readRequest(input, init, context);
    try {
      return await send(call);
    } finally {
      call.drop();
    }
  }

  async function send(call) {
    if (!looked) {
      call.hold();
      await unlessAborted(call, look());
    }
    const token = tokenFor(call);
    const response = await call.send(token?.authorization);
    // A fetch of the user's own may resolve with anything.
    const status = response?.status;

    // By far the most calls end here: there is nothing to pay, or the token was taken.
    if (token ? status < 400 || status === 404 : status !== 402) {
      if (token && !token.accepted) {
        token.accepted = true;
        core.accepted(token.id);
      }
      return done(call, response, token && { payment: token.payment, paidNow: false });
    }

    const answer = async () => {
      try {
        await start();
      } catch (error) {
        throw new L402Error(error.code, error.message, { cause: error.cause, response });
      }
      return change(() => core.answer(call, token?.id ?? 0, response));
    };
    const [last, receipt] = await unlessAborted(call, answer());
    return done(call, last, JSON.parse(receipt));
  }

  const ask = (question) => async (...args) => {
    await start();
    return change(() => books[question](...args));
  };

  return Object.assign(pay, {
    async quote(input, init) {
      const call = readRequest(input, init, context);
      call.hold();
      if (!looked) await unlessAborted(call, look());
      await start();
      return JSON.parse(await unlessAborted(call, core.quote(call)).finally(() => call.drop()));
    },
    payments: ask("payments"),
    spent: ask("spent"),
    forget: ask("forget"),
    resolve: ask("resolve"),
    async balanceMsat() {
      await start();
      return env.balanceMsat();
    },
  });
}

/** The caller's abort ends its own promise at once, with its own reason, and nothing else. */
function unlessAborted({ signal }, promise) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  });
}
