import type { Proof, sendAgain } from "./repeat.js";
import { classOf, isHeaders, isIterable, isRequest } from "./shapes.js";

const MEMBERS = [
  "method",
  "headers",
  "body",
  "referrer",
  "referrerPolicy",
  "mode",
  "credentials",
  "cache",
  "redirect",
  "integrity",
  "keepalive",
  "signal",
  "duplex",
  "priority",
] as const;

/** What a fetch is called with first. */
export type Input = string | URL | Request;

/** What a fetch reads of its second argument; some platforms know more members than the types of this one. */
export type Init = RequestInit & { [Name in Member]?: unknown };
type Member = (typeof MEMBERS)[number];

/** The parts of a call as they are sent. */
export interface Parts {
  call: Call;
  /** Its input and its init. */
  target: Input;
  init: Init | undefined;
  /** What fetch takes for a member. */
  member(key: "cache" | "headers" | "integrity" | "redirect"): unknown;
  /** The whole address; null where fetch will refuse it. */
  url: URL | null | undefined;
  /** The body of a Request, where there is one. */
  body(): Promise<ArrayBuffer> | undefined;
}

/** What all calls of one paying fetch share. */
export interface Context {
  fetch: typeof globalThis.fetch;
  /** Whether this is workerd, which may forward an Authorization of ours to another origin. */
  forwards?: boolean | undefined;
  /** There once the core is, and not needed before. */
  client?: { sendAgain: typeof sendAgain } | undefined;
}

/**
 * One call of a fetch: its arguments as a request that can be sent several times. Their types are the caller's promise,
 * and every look at them expects anything. Never throws: what fetch would refuse is refused by fetch in `sent`, with
 * its own error.
 *
 * The first `sent()` hands fetch the caller's arguments as they are, so call it before the caller's code runs on. If it
 * has to wait, call `hold()` first.
 */
export class Call {
  #input: Input;
  #init: Init | undefined;
  #context: Context;
  /** The Request that the caller gave, of whichever realm. */
  #request: Request | undefined;
  /** What repeats are sent with; set once the snapshot is taken. */
  #target: Input | undefined;
  #copy: Init | undefined;
  /** The clone that holds a Request's body. */
  #kept: Request | undefined;
  #taken = false;
  #exact = true;
  #sent: boolean;
  #replayable = true;
  #url: URL | null | undefined;

  /** `sent`: whether it was sent already, as it is or with a token. */
  constructor(input: Input, init: RequestInit | undefined, context: Context, sent = false) {
    this.#sent = sent;
    this.#input = input;
    this.#init = init;
    this.#copy = init;
    this.#context = context;
    if (attempt(() => isRequest(input))) this.#request = input as Request;
  }

  /** The address, where it is absolute and all that was given. */
  get plain(): string | undefined {
    return this.#init === undefined && isAddress(this.#input) ? this.#input : undefined;
  }

  /** As fetch sends it: the common methods in upper case, others as given. */
  get method(): string {
    const method = text(this.#member("method") ?? "GET");
    return /^(delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method;
  }

  /** Absolute, without user, password and fragment; null where fetch will refuse it. */
  get url(): string | null {
    let url = this.#parse();
    if (url && (url.username || url.password)) {
      url = new URL(url);
      url.username = "";
      url.password = "";
    }
    return url?.href.split("#", 1)[0] ?? null;
  }

  /** Whether it can be sent a second time. */
  get replayable(): boolean {
    this.#snapshot();
    return this.#replayable;
  }

  /**
   * The headers that prove who calls or pays, and that the caller has set: 1 for an Authorization, in the headers or as
   * the URL's user, 2 for those of MPP and x402. Headers that can't be read count as all.
   */
  get brought(): number {
    this.#snapshot();
    const url = this.#parse();
    return +!!(url?.username || url?.password) | attempt(() => this.#proofs(), 3);
  }

  #proofs() {
    const given = this.#member("headers") as HeadersInit | undefined;
    if (given == null) return 0;
    const headers = isHeaders(given) ? given : new Headers(given);
    const has = (name: string) => +headers.has(name);
    return has("authorization") | ((has("payment-authorization") | has("payment-signature")) << 1);
  }

  /** Whether a 402 of it may be paid: not where the answer can't be read, and not for a preflight's method. */
  get payable(): boolean {
    return (
      this.method !== "OPTIONS" && this.#member("mode") !== "no-cors" && this.#member("cache") !== "only-if-cached"
    );
  }

  /** The caller's AbortSignal. */
  get signal(): AbortSignal | undefined {
    return (this.#member("signal") as AbortSignal | null) ?? undefined;
  }

  /** Takes the arguments as they are now, whatever the caller does to them before the first `sent`. */
  hold(): void {
    this.#snapshot();
    this.#exact = false;
  }

  /**
   * Sends the request.
   *
   * @param proof a header of ours
   * @param repeat whether it was sent before
   * @param url where a redirect has led within the origin, if the header is for that address
   * @returns what fetch returns; a fetch of the user's own may return, and throw, anything
   */
  sent(proof?: Proof, repeat = false, url?: string): Promise<Response> {
    this.#snapshot();
    const { fetch } = this.#context;
    const first = !this.#sent;
    this.#sent = true;
    if (first && this.#exact && !proof) {
      return this.#init === undefined ? fetch(this.#input) : fetch(this.#input, this.#init);
    }

    const parts = this.parts(first);
    if (!proof && !repeat) return parts.init === undefined ? fetch(parts.target) : fetch(parts.target, parts.init);
    return (this.#context.client as NonNullable<Context["client"]>).sendAgain(this.#context, parts, proof, repeat, url);
  }

  /** What it is sent with, as it was taken. `first`: with the body itself, not with a copy. */
  parts(first?: boolean): Parts {
    this.#snapshot();
    let target = this.#target as Input;
    if (this.#kept && !first) {
      target = this.#kept;
      this.#kept = target.clone();
    }
    return {
      call: this,
      target,
      init: this.#copy,
      member: (key) => this.#member(key),
      url: this.#parse(),
      body: () => this.#kept?.clone().arrayBuffer(),
    };
  }

  /** Lets go of what was kept for a repeat that won't come. */
  drop(): void {
    const kept = this.#kept;
    if (!kept) return;
    this.#kept = undefined;
    this.#replayable = false;
    attempt(() => kept.body?.cancel().catch(() => {}));
  }

  /** What fetch will take for this member: the init's, else the Request's. */
  #member(key: Member): unknown {
    const given = attempt(() => this.#copy?.[key]);
    // In an init, only a signal can be null: it takes the Request's away.
    return given !== undefined && (given !== null || key === "signal")
      ? given
      : attempt(() => (this.#request as Init | undefined)?.[key]);
  }

  #parse() {
    if (this.#url === undefined) {
      try {
        const given = this.#request ? this.#request.url : ((this.#target ?? this.#input) as string | URL);
        this.#url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href);
      } catch {
        this.#url = null;
      }
    }
    return this.#url;
  }

  #snapshot() {
    if (this.#taken) return;
    this.#taken = true;
    // What throws here throws again when fetch reads it, with fetch's error. A relative URL is resolved now: the page
    // may be at another address by the time of a repeat.
    this.#target =
      typeof this.#input === "object" && !this.#request ? attempt(() => String(this.#input), this.#input) : this.#input;
    if (!this.#request && !isAddress(this.#target)) this.#target = this.#parse()?.href ?? this.#target;
    this.#replayable = attempt(() => {
      if (this.#init !== null && typeof this.#init === "object") {
        const copy = copyInit(this.#init);
        this.#copy = copy;
        copy.headers &&= attempt(() => this.#copyHeaders(copy.headers as HeadersInit), copy.headers);
      }
      return this.#snapshotBody();
    }, false);
  }

  /** Keeps the body for a repeat; false where it can be sent but once. */
  #snapshotBody(): boolean {
    const body = this.#copy?.body ?? null;
    if (body !== null) {
      const copy = copyBody(body);
      if (copy !== undefined && copy !== body) (this.#copy as Init).body = copy;
      return copy !== undefined;
    }
    if (!this.#request || this.#request.body === null || /^(get|head)$/i.test(this.#request.method)) return true;
    // A request that will never be repeated needs no clone. Some browsers have no Request.body, so it may be empty
    // here.
    if (this.#request.bodyUsed || !this.payable || this.brought > 2) return false;
    this.#kept = this.#request.clone();
    return true;
  }

  #copyHeaders(headers: HeadersInit): HeadersInit {
    if (typeof headers !== "object") return headers;
    if (isHeaders(headers)) return new (classOf(headers, "Headers"))(headers);
    if (!isIterable(headers)) return { ...headers };
    // An iterator can be read only once, and is used up now.
    if ((headers[Symbol.iterator]() as unknown) === headers) this.#exact = false;
    return Array.from(headers, (pair) => (typeof pair === "object" ? [...pair] : pair));
  }
}

/** A whole address, which means the same wherever the page is. */
export const isAddress = (input: unknown): input is string => typeof input === "string" && /^https?:/.test(input);

/** What the task gives, or `otherwise` where the caller's objects throw: fetch will say so. */
function attempt<Value, Otherwise = undefined>(task: () => Value, otherwise?: Otherwise): Value | Otherwise {
  try {
    return task();
  } catch {
    return otherwise as Otherwise;
  }
}

/** As a string; empty where it has none. */
const text = (value: unknown) => attempt(() => String(value), "");

function copyInit(init: Init): Init {
  const copy = { ...init };
  const proto = Object.getPrototypeOf(init);
  // fetch reads inherited members too: a Request that is given as init has only those.
  if (proto !== null && proto !== Object.prototype) {
    for (const key of MEMBERS)
      if (!(key in copy) && init[key] !== undefined) (copy as Record<Member, unknown>)[key] = init[key];
  }
  return copy;
}

/** A body that stays as it is and can be sent again and again; undefined where there can be none. */
function copyBody(body: NonNullable<Init["body"]>): Init["body"] | undefined {
  if (typeof body !== "object") return typeof body === "function" ? undefined : body;
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
  if (is<ArrayBuffer>(body, "ArrayBuffer")) return body.slice(0);
  if (is<Blob>(body, "Blob") || is<File>(body, "File")) return body;
  if (is<URLSearchParams>(body, "URLSearchParams")) return new (classOf(body, "URLSearchParams"))(body);
  if (is<FormData>(body, "FormData")) {
    const copy = new (classOf(body, "FormData"))();
    for (const [name, value] of body) copy.append(name, value);
    return copy;
  }
  return undefined;
}

/** Of this realm, or of another; older workerd has no tags. */
function is<Kind>(body: unknown, name: "ArrayBuffer" | "Blob" | "File" | "URLSearchParams" | "FormData"): body is Kind {
  return (
    Object.prototype.toString.call(body) === `[object ${name}]` ||
    (typeof globalThis[name] === "function" && body instanceof globalThis[name])
  );
}
