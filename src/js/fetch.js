import { L402Error } from "./error.js";
import { once } from "./once.js";
import { readOptions } from "./options.js";
import { isAddress, readRequest } from "./request.js";

// The core's own name for it, so that an empty store is known for one without loading the core.
const TOKENS = "l402-fetch/tokens";

// How long the store may keep a request waiting that may have nothing to pay, in milliseconds.
const PATIENCE = 5_000;

const receipts = new WeakMap();

/** What a response cost; undefined where no credential was used. */
export const receiptOf = (response) => receipts.get(response);

/** One of the core's parsers. */
export const parser =
  (load, name) =>
  async (...given) =>
    (await load()).parsers[name](...given);

/**
 * A fetch that pays. The core is loaded by the first 402 or the first stored token, not before; where it is `atHand`, with no
 * download, while the first request is on its way.
 */
export function createFetch(options, load, follow, atHand) {
  const { config, ...given } = readOptions(options);
  const { fetch, store, onEvent } = given;
  const context = { fetch, follow };
  // Not in workerd, where what is waited for freezes with the request that began it.
  const shared = follow ? (task) => task : once;
  let client;
  let looked = !store;

  async function start() {
    const { clientOf } = await load();
    return (context.client = client ??= clientOf(config, given));
  }

  /** The store's tokens, read once for all first calls. A store that can't be read breaks nothing while there is nothing to pay. */
  const look = shared(async () => {
    let timer;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)));
    const read = async () => (await store.get(TOKENS)) && (await start()).readTokens();
    // The next purchase reads the store again, and says so if it still can't.
    await Promise.race([read().catch(() => {}), patience]);
    clearTimeout(timer);
    looked = true;
  });

  /** `call` is null where nobody listens. */
  function done(call, response, receipt) {
    if (receipt) {
      if (response === Object(response)) receipts.set(response, receipt);
      if (!receipt.paidNow) client.reused(call, receipt.payment);
    }
    return response;
  }

  async function pay(input, init) {
    // After the request, which is sent before anything is waited for.
    if (atHand)
      atHand = void Promise.resolve()
        .then(load)
        .catch(() => {});

    // By far the most calls are a whole address alone, which nobody can change meanwhile, and what opens it is known.
    if (init === undefined && looked && isAddress(input)) {
      const token = client ? client.ready(input) : null;
      if (token === null || (token && !follow && !onEvent)) {
        const response = await (token ? fetch(input, client.withToken(token.authorization)) : fetch(input));
        if (isLast(token, response)) return done(null, response, token && client.accepted(token));
        return rest(readRequest(input, init, context, true), token, response);
      }
    }

    const call = readRequest(input, init, context);
    try {
      if (!looked) {
        call.hold();
        await unlessAborted(call, look());
      }
      const token = client?.tokenFor(call);
      const response = token?.guess || (await call.sent(token?.authorization));
      return isLast(token, response)
        ? done(call, response, token && client.accepted(token))
        : await rest(call, token, response);
    } finally {
      call.drop();
    }
  }

  const rest = async (call, token, response) =>
    done(call, ...(await unlessAborted(call, answer(call, token, response))));

  /** Takes a call whose first response is here to its end: the last one, and what it cost. */
  async function answer(call, token, response) {
    try {
      await start();
    } catch (error) {
      throw new L402Error(error.code, error.message, { cause: error.cause, response });
    }
    return client.answer(call, token, response);
  }

  const ask =
    (question) =>
    async (...args) =>
      (await start())[question](...args);

  // A key is where bundlers, which shorten other names, leave a function's alone: a fetch's is "fetch", and its length 1.
  const { fetch: paying } = { fetch: (input, init = undefined) => pay(input, init) };

  return Object.assign(paying, {
    async quote(input, init) {
      const call = readRequest(input, init, context);
      call.hold();
      if (!looked) await unlessAborted(call, look());
      await start();
      return await unlessAborted(call, client.quote(call)).finally(() => call.drop());
    },
    payments: ask("payments"),
    spent: ask("spent"),
    forget: ask("forget"),
    resolve: ask("resolve"),
    balanceMsat: ask("balanceMsat"),
    warm: async () => void (await start()),
  });
}

/** Whether there is nothing to pay, or the token was taken. A fetch of the user's own may resolve with anything. */
function isLast(token, response) {
  const status = response?.status;
  return token ? status < 400 : status !== 402;
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
