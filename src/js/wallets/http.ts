// Requests to a node's HTTP API, for the wallet modules. Not part of the public surface.
import { L402Error } from "../core/error.js";
import { Unreached, Unsent } from "./records.js";

// In bytes. The answers that are asked for here are far smaller.
const MAX_ANSWER = 8 * 1024 * 1024;
// In characters. A person needs no more of a stranger's text.
const MAX_TEXT = 200;

/**
 * Statuses of a request that a server, or a proxy before it, turned away without carrying it out. A browser shows a
 * redirect as 0.
 */
const TURNED_AWAY = new Set([0, 301, 302, 303, 307, 308, 401, 403, 404, 405, 406, 413, 415, 421, 429, 431]);

/** Errors of Node from before the first byte was sent: timeouts and handshakes. Those of system calls are not here. */
const NOT_CONNECTED =
  /^(UND_ERR_CONNECT_TIMEOUT|(DEPTH_ZERO_)?SELF_SIGNED_CERT(_IN_CHAIN)?|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_\w+)$/;

/** The options of a module, checked. */
interface ReadOptions {
  base: URL;
  secret: string;
  fetch: typeof globalThis.fetch;
  /** Whether that fetch certainly sends a request only once. */
  once: boolean;
  /** Whether it is the runtime's own. */
  own: boolean;
}

/** Asks the API at a path. */
type Call = (path: string, init?: { body?: object; signal?: AbortSignal }) => Promise<Answer>;

/** JSON of a stranger: any member may be missing, and have any value. */
// biome-ignore lint/suspicious/noExplicitAny: every use checks what it reads
export type Json = any;

/**
 * Checks the options of a wallet module, as strictly as `createFetch` does.
 *
 * @param name the name of the module
 * @param secret the name of the option that holds the credential
 * @param shape the pattern of the credential
 * @param hint what the credential must be and where to find it
 * @throws {L402Error} `invalid_options`, which names the key
 */
export function readOptions(name: string, options: object, secret: string, shape: RegExp, hint: string): ReadOptions {
  const invalid = (message: string) => new L402Error("invalid_options", `${name}: ${message}`);
  if (options === null || typeof options !== "object")
    throw invalid(`options must be an object with url and ${secret}`);
  const known = ["url", secret, "fetch", "insecure"];
  for (const key in options) {
    if (!known.includes(key)) throw invalid(`${key} is not a known option: there are ${known.join(", ")}`);
  }
  const given = options as Record<string, unknown>;
  const { url, fetch = globalThis.fetch, insecure = false, [secret]: credential } = given;
  // If a kept connection breaks before the answer, Chromium, Firefox and Deno send the request again, even a POST. Node
  // does not. A fetch of the user's own may do anything.
  const once =
    fetch === globalThis.fetch &&
    !!(globalThis as { process?: { versions?: { undici?: string } } }).process?.versions?.undici &&
    typeof document === "undefined";
  for (const key of ["url", secret]) if (given[key] === undefined) throw invalid(`${key} is missing`);
  if (typeof credential !== "string" || !shape.test(credential)) throw invalid(`${secret} must be ${hint}`);
  if (typeof fetch !== "function") throw invalid("fetch must be a function");
  if (typeof insecure !== "boolean") throw invalid("insecure must be true or false");
  return {
    base: readUrl(url, insecure, invalid),
    secret: credential,
    fetch: fetch.bind(undefined),
    once,
    own: fetch === globalThis.fetch,
  };
}

function readUrl(url: unknown, insecure: boolean, invalid: (message: string) => L402Error) {
  let base: URL;
  try {
    base = new URL(url as string);
  } catch {
    throw invalid("url must be an absolute url");
  }
  // Errors show the url, and some runtimes refuse such a url.
  if (base.username || base.password) throw invalid("url must not hold a user or a password");
  const { protocol, hostname } = base;
  if (protocol !== "https:" && protocol !== "http:") throw invalid("url must begin with https:// or http://");
  if (
    protocol === "http:" &&
    !insecure &&
    !/^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\]|.+\.onion)$/.test(hostname)
  ) {
    throw invalid(
      "url must be https: over plain http anybody on the network path could take the credential. In your own network, set insecure: true",
    );
  }
  return base;
}

/**
 * Makes the function that asks the API. The credential goes to that origin only: redirects are not followed.
 *
 * The function rejects with `Unsent` if nothing can have reached the API, with the signal's reason if that fired, and
 * with another Error if the answer was lost.
 *
 * @param name the name of the wallet, for messages
 * @param credentials headers
 * @returns a function that sends a GET, or a POST if there is a body
 */
export function connect(
  name: string,
  { base, secret, fetch, once, own }: ReadOptions,
  credentials: Record<string, string>,
): Call {
  // As it was given, and as it is sent.
  const secrets = [secret, ...Object.values(credentials).map((value) => value.split(" ").pop() ?? value)];
  // The runtime's own fetch gives answers that can be read. Of any other fetch the first answer shows it, and that must
  // not be the answer to a payment.
  let isReadable = own;
  return async (path, { body, signal } = {}) => {
    if (body && !isReadable) {
      const first = async () => fetch(base.href, { method: "HEAD", redirect: "manual", signal } as RequestInit);
      const found = await first().then(canBeRead, () => undefined);
      isReadable = found === true;
      if (found === false)
        throw new Unsent(
          `${name} was sent nothing: the answers of this fetch can't be read, they have neither a stream nor text()`,
        );
    }
    const target = new URL(base);
    target.pathname = base.pathname.replace(/\/+$/, "") + path;
    const form = body instanceof URLSearchParams;
    const headers: Record<string, string> = { accept: "application/json", ...credentials };
    if (body) headers["content-type"] = form ? "application/x-www-form-urlencoded" : "application/json";
    let response: Response;
    try {
      response = await fetch(target.href, {
        method: body ? "POST" : "GET",
        headers,
        body: form ? String(body) : body && JSON.stringify(body),
        redirect: "manual",
        signal,
      } as RequestInit);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw lost(name, base, cause, once);
    }
    isReadable ||= canBeRead(response);
    return new Answer(name, secrets, response, signal);
  };
}

/** An answer. Only the part that is needed is read. */
export class Answer {
  #name: string;
  #secrets: string[];
  #response: Response;
  #signal: AbortSignal | undefined;

  constructor(name: string, secrets: string[], response: Response, signal: AbortSignal | undefined) {
    this.#name = name;
    this.#secrets = secrets;
    this.#response = response;
    this.#signal = signal;
  }

  get status(): number {
    return this.#response.status;
  }

  /** Whether the request was turned away and not carried out. */
  get turnedAway(): boolean {
    return TURNED_AWAY.has(this.status);
  }

  /** The body as JSON. Throws if it is something else, breaks off or is too long. */
  async json(): Promise<Json> {
    return this.#parse(await this.#text());
  }

  /** The body's lines, each as JSON, as they come. */
  async *lines(): AsyncGenerator<Json> {
    let rest = "";
    for await (const text of this.#chunks()) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim()) yield this.#parse(line);
    }
    if (rest.trim()) yield this.#parse(rest);
  }

  /** The body of an error as an object. It is empty if the body is no object. The wallet's own words are in `text`. */
  async problem(): Promise<Json> {
    let text = "";
    try {
      text = await this.#text();
      const value = JSON.parse(text);
      if (value !== null && typeof value === "object") return value;
    } catch (error) {
      if (this.#signal?.aborted) throw error;
    }
    return { text: /^\s*</.test(text) ? undefined : text };
  }

  /** An error message: `what` happened, and the wallet's own words. */
  say(what: string, given?: unknown): string {
    let words = given;
    if (this.status === 0 || (this.status >= 300 && this.status < 400))
      words = "a redirect, which is not followed: give the url it leads to";
    const text = this.quote(words);
    return `${this.#name} ${what} (status ${this.status})${text && `: ${text}`}`;
  }

  /** The wallet's own words, shortened, and without the credential. */
  quote(words: unknown): string {
    if (typeof words !== "string") return "";
    return this.#secrets
      .reduce((text, secret) => text.replaceAll(secret, "…"), words)
      .replace(/[\0-\x1f\x7f]+/g, " ")
      .trim()
      .slice(0, MAX_TEXT);
  }

  #parse(text: string): Json {
    try {
      const value = JSON.parse(text);
      if (value !== null && typeof value === "object") return value;
    } catch {
      // Thrown below.
    }
    throw new Error(
      this.say(
        "answered with something that is not its JSON",
        /^\s*</.test(text) ? "a web page: is this the API's url?" : undefined,
      ),
    );
  }

  async #text(): Promise<string> {
    let all = "";
    for await (const text of this.#chunks()) all += text;
    return all;
  }

  async *#chunks(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    let size = 0;
    try {
      for await (const piece of piecesOf(this.#response)) {
        size += piece.length;
        if (size > MAX_ANSWER) throw new Error(this.say("sent too long an answer"));
        yield typeof piece === "string" ? piece : decoder.decode(piece, { stream: true });
      }
      yield decoder.decode();
    } catch (cause) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (size > MAX_ANSWER) throw cause;
      throw new Error(this.say("broke off its answer"), { cause });
    }
  }
}

/**
 * The pieces of a body as they come. The body is a stream of the platform, a stream of Node (node-fetch), or whole.
 */
async function* piecesOf(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer> | string> {
  const body = response.body as Partial<ReadableStream<Uint8Array<ArrayBuffer>>> | null;
  if (!body?.getReader) {
    if (body?.[Symbol.asyncIterator]) yield* body as AsyncIterable<Uint8Array<ArrayBuffer>>;
    else yield await response.text();
    return;
  }
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Whether `piecesOf` can read it. */
const canBeRead = (response: Response) =>
  !!(response?.body?.getReader ?? response?.body?.[Symbol.asyncIterator] ?? response?.text);

/**
 * The error for a missing answer. The runtime's error is its cause, unless the url has a query: the error could show a
 * secret in it.
 */
function lost(name: string, base: URL, cause: unknown, once: boolean) {
  let code: string | undefined;
  let unsent = false;
  let error = cause as { code?: unknown; syscall?: unknown; cause?: unknown } | undefined;
  for (let depth = 0; error && typeof error === "object" && depth < 4; depth++) {
    unsent ||= NOT_CONNECTED.test(String(error.code)) || error.syscall === "connect" || error.syscall === "getaddrinfo";
    if (typeof error.code === "string") code = error.code;
    error = error.cause as typeof error;
  }
  const Kind = unsent && once ? Unsent : Unreached;
  const page = typeof document === "object" ? "; to a page it must also allow its origin (CORS)" : "";
  return new Kind(
    `${name} at ${base.origin} could not be reached${code ? ` (${code})` : page}`,
    base.search ? undefined : { cause },
  );
}
