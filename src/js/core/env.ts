import { L402Error } from "./error.js";
import type { ReadOptions, ReadScope } from "./options.js";
import { outgoing } from "./outgoing.js";
import { Call, type Context } from "./request.js";
import { discard } from "./redirect.js";
import { isUnproven } from "./repeat.js";
import { rowsOf, toText } from "./rows.js";
import { type PayContext, readWallet } from "./wallet.js";
import { statusOf } from "./shapes.js";
import type { LoadSigner } from "./signer.js";

/** Whether this is workerd, where a request's promises freeze with it and its events belong to it alone. */
const isolated = typeof WebSocketPair !== "undefined";

// In pages and their workers an Authorization to another origin makes a preflight, which the server may refuse.
const isPage = typeof document === "object" || (typeof importScripts === "function" && !isolated);

// How long the body of a 402 is waited for, in milliseconds.
const SOON = 1_000;
// So many characters are a short body.
const MOST = 10_000;

const JSON_TYPE = /^application\/([\w.-]+\+)?json\b/i;

// How often to look at a signal that can't be listened to, in milliseconds.
const LOOK_AGAIN = 1_000;

/** What `environment` is made of: the checked options, and the core's function that goes on with a task. */
export interface Given extends Omit<ReadOptions, "config" | "fetch"> {
  loadSigner: LoadSigner;
  /** For calls of our own. */
  context: Context;
  /** Whether the store may hold what was bought before. */
  hasRows: boolean;
  run(task: number): void;
}

/** What the core asks, as `src/wasm/env.rs` declares it. */
export type Environment = ReturnType<typeof environment> & ReturnType<typeof hooksOf>;

/**
 * What the core needs of the platform and of the user's objects. Whatever the user gave is called in here, so that the
 * core only ever sees promises and values of the right type.
 */
export function environment({
  wallet: given,
  method,
  store,
  hasRows,
  now,
  onUnknown,
  loadSigner,
  context,
  run,
}: Given) {
  const wallet = readWallet(given, method);

  function time(): number {
    let found: unknown;
    try {
      found = now();
    } catch {
      // If the user's clock fails, the system's takes its place. Old sums and expired invoices must not pass.
    }
    return typeof found === "number" && found >= 0 && found <= Number.MAX_SAFE_INTEGER ? found : Date.now();
  }

  return {
    /** What is there, as bits. `trait_of` in `src/wasm/host.rs` names them. Those of `hooksOf` come in addition. */
    traits:
      +isolated | (+!!wallet.lookup << 1) | (+!!store << 4) | (+!!hasRows << 5) | (+!!onUnknown << 6) | (+isPage << 7),
    /** What is known of the wallet, as JSON text. */
    about: JSON.stringify(wallet.about),
    now: time,
    timer,
    /**
     * A function that makes the core go on with a task soon, in the async context in which `continuation` was called. A
     * runtime runs the callbacks of a promise in the context in which they were registered, whoever settles the
     * promise.
     */
    continuation(task: number) {
      let goOn: () => void;
      function wait() {
        const { promise, resolve } = deferred();
        goOn = resolve;
        promise.then(() => {
          wait();
          run(task);
        });
      }
      wait();
      return () => goOn();
    },
    /**
     * A call as it is before it is sent. As a list it is read in half the time, and it is read for each call that may
     * use a token.
     */
    head: (call: Call) => JSON.stringify([call.replayable, call.brought, call.payable, call.url, call.method]),
    send: async (call: Call, field: string | undefined, value: string, repeat: boolean, url: string | undefined) =>
      call.sent(field ? { field, value } : undefined, repeat, url),
    outgoing,
    async recover(signature: string) {
      try {
        const { signerOf } = await loadSigner();
        return toText({ key: signerOf(JSON.parse(signature)) });
      } catch (error) {
        const why = (error as Partial<Error> | undefined)?.message ?? error;
        return toText({
          failed: `what checks x402 offers could not be loaded: ${why}; deploy all files of the bundle`,
        });
      }
    },
    aborted: (call: Call) => !!call.signal?.aborted,
    isPage,
    /** Whether a request that failed with this cause may have had its preflight refused. */
    preflighted: (call: Call, cause: { name?: unknown } | undefined) =>
      isPage && cause?.name === "TypeError" && !call.url?.startsWith(`${globalThis.location?.origin}/`),
    givesUp({ signal }: Call): Pending<void> {
      const { promise, resolve } = deferred();
      const end = () => resolve();
      // In workerd the signal may belong to another request, whose events can't be waited for.
      const id = isolated ? setInterval(() => signal?.aborted && end(), LOOK_AGAIN) : undefined;
      if (!isolated) signal?.addEventListener("abort", end);
      return {
        promise,
        cancel() {
          if (isolated) clearInterval(id);
          else signal?.removeEventListener("abort", end);
          end();
        },
      };
    },
    /** The status; 0 unless it reads like a Response. A fetch of the user's own may return anything. */
    status(response: Response): number {
      try {
        const challenge = response.headers.get("www-authenticate") ?? "";
        const status = statusOf(response);
        const isReadable = typeof challenge === "string" && typeof response.url === "string";
        return isReadable && typeof status === "number" ? status : 0;
      } catch {
        return 0;
      }
    },
    /** The text of a problem (RFC 9457). */
    problem: (response: Response) => shortBody(response, /^application\/problem\+json\b/i),
    json: (response: Response) => shortBody(response, JSON_TYPE),
    async hasOfferInBody(response: Response): Promise<boolean> {
      const body = (await shortBody(response, JSON_TYPE)) ?? "";
      return /"(macaroon|token)"/i.test(body) && /"ln(bc|tb|sb)\w{50}/i.test(body);
    },
    unproven: isUnproven,
    discard,

    async pay(invoice: string, url: string, maxFeeMsat: number, timeout: number) {
      const deadline = performance.now() + timeout;
      let controller: AbortController | undefined;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const context: PayContext = {
        url,
        maxFeeMsat,
        // Made when the wallet asks for it: few wallets do, and it costs more than all else here.
        get signal() {
          if (!controller) {
            const made = new AbortController();
            controller = made;
            const abort = () => made.abort(new DOMException("the wallet took too long", "TimeoutError"));
            const left = deadline - performance.now();
            // A browser's clock is coarse: the flow's own timer may have fired already.
            if (left > 2) timer = setTimeout(abort, left);
            else abort();
          }
          return controller.signal;
        },
      };
      try {
        const answered = await wallet.pay(JSON.parse(invoice), context);
        const { cause, threw = cause, ...answer } = answered as { cause?: unknown; threw?: unknown };
        return [threw, toText(answer)];
      } finally {
        clearTimeout(timer);
      }
    },
    lookup: async (paymentHash: string) => toText((await wallet.lookup?.(paymentHash)) ?? null),

    async makeInvoice(description: string, expirySeconds: number) {
      try {
        return [
          undefined,
          toText({ invoice: await wallet.makeInvoice?.({ amountMsat: null, description, expirySeconds }) }),
        ];
      } catch (error) {
        return [error, toText({ failed: String((error as Partial<Error> | undefined)?.message ?? error) })];
      }
    },
    received: async (paymentHash: string) => (await wallet.received?.(paymentHash)) ?? null,
    ownCall: (method: string, url: string) => new Call(url, { method }, context),

    balanceMsat: async () => (await wallet.balanceMsat?.()) ?? null,

    async unknown(payment: string, error: L402Error) {
      const told: unknown = await onUnknown?.(JSON.parse(payment), error);
      return toText({ failed: told === "failed", preimage: (told as { preimage?: unknown } | undefined)?.preimage });
    },
    monotonic: () => performance.now(),
    /** A whole number below 2^53. */
    random() {
      const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
      return (high & 0x1f_ffff) * 2 ** 32 + low;
    },

    ...rowsOf(store),

    error(text: string, response: Response | undefined, cause: unknown) {
      const { code, message, hasCause, ...details } = JSON.parse(text);
      return new L402Error(code, message, { ...details, response, ...(hasCause && { cause }) });
    },
  };
}

/** Asks `approve` and tells `onEvent` of one scope. The core does so only where the traits say that there is one. */
export function hooksOf({ approve, onEvent }: Pick<ReadScope, "approve" | "onEvent">) {
  return {
    traits: (+!!approve << 2) | (+!!onEvent << 3),
    approve(quote: string, maxFeeMsat: number, remaining: string): Pending<unknown> {
      const controller = new AbortController();
      let answered = false;
      const context = { signal: controller.signal, maxFeeMsat, remaining: JSON.parse(remaining) };
      const promise = (async () => approve?.(JSON.parse(quote), context))().finally(() => {
        answered = true;
      });
      return {
        promise,
        cancel() {
          if (!answered) controller.abort();
        },
      };
    },
    /** Whatever a listener throws stops neither the payment nor the process. */
    tell(event: string) {
      (async () => onEvent?.(JSON.parse(event)))().catch(() => {});
    },
  };
}

/** The text of a body of this type that is short and there soon. The response stays unread. */
async function shortBody(response: Response, type: RegExp): Promise<string | undefined> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const patience = timer(SOON);
  try {
    if (!type.test(response.headers.get("content-type") ?? "")) return undefined;
    reader = response.clone().body?.getReader();
    const decoder = new TextDecoder();
    let text = "";
    // The length that a server tells may be that of a compressed body.
    while (reader && text.length < MOST) {
      const read = await Promise.race([reader.read(), patience.promise]);
      if (!read) return undefined;
      if (read.done) return text;
      text += decoder.decode(read.value.subarray(0, MOST), { stream: true });
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    patience.cancel();
    reader?.cancel().catch(() => {});
  }
}

function timer(milliseconds: number): Pending<void> {
  const { promise, resolve } = deferred();
  const id = setTimeout(resolve, milliseconds);
  return {
    promise,
    cancel() {
      clearTimeout(id);
      // The core keeps whatever waits for a promise until the promise settles.
      resolve();
    },
  };
}

/** What is waited for, until nobody wants it any more. */
interface Pending<Value> {
  promise: Promise<Value>;
  cancel(): void;
}

/** A promise, and what resolves it. */
function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
