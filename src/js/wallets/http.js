// A node's HTTP API, as the wallet modules ask it. Not part of the public surface.
import { L402Error } from "../error.js";
import { Unreached, Unsent } from "./books.js";

// No answer that is asked for here comes near it.
const MAX_ANSWER = 8 * 1024 * 1024;
// What a person needs of a stranger's text.
const MAX_TEXT = 200;

/** Statuses with which a server, or a proxy before it, turns a request away without carrying it out. 0 is how a browser shows a redirect. */
const TURNED_AWAY = new Set([0, 301, 302, 303, 307, 308, 401, 403, 404, 405, 406, 413, 415, 421, 429, 431]);

/** Node's errors that come before the first byte is sent, beside those of the system calls: time and handshakes. */
const NOT_CONNECTED =
  /^(UND_ERR_CONNECT_TIMEOUT|(DEPTH_ZERO_)?SELF_SIGNED_CERT(_IN_CHAIN)?|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_\w+)$/;

/**
 * Checks the options of a wallet module; fails closed, as `createFetch` does.
 *
 * @param {string} name the module's
 * @param {object} options
 * @param {string} secret the credential's key
 * @param {RegExp} shape of the credential
 * @param {string} hint what it must be and where to find it
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function readOptions(name, options, secret, shape, hint) {
  const invalid = (message) => new L402Error("invalid_options", `${name}: ${message}`);
  if (options === null || typeof options !== "object")
    throw invalid(`options must be an object with url and ${secret}`);
  const known = ["url", secret, "fetch", "insecure"];
  for (const key in options) {
    if (!known.includes(key)) throw invalid(`${key} is not a known option: there are ${known.join(", ")}`);
  }
  const { url, fetch = globalThis.fetch, insecure = false } = options;
  // Chromium, Firefox and Deno send a request again, a POST too, where a connection that was kept breaks before the answer; a
  // fetch of the user's own may do anything. Node's does not.
  const once = fetch === globalThis.fetch && !!globalThis.process?.versions?.undici && typeof document === "undefined";
  for (const key of ["url", secret]) if (options[key] === undefined) throw invalid(`${key} is missing`);
  if (typeof options[secret] !== "string" || !shape.test(options[secret])) throw invalid(`${secret} must be ${hint}`);
  if (typeof fetch !== "function") throw invalid("fetch must be a function");
  if (typeof insecure !== "boolean") throw invalid("insecure must be true or false");
  return {
    base: readUrl(url, insecure, invalid),
    secret: options[secret],
    fetch: fetch.bind(undefined),
    once,
    own: fetch === globalThis.fetch,
  };
}

function readUrl(url, insecure, invalid) {
  let base;
  try {
    base = new URL(url);
  } catch {
    throw invalid("url must be an absolute url");
  }
  // A url is shown in errors, and not every runtime's fetch takes these.
  if (base.username || base.password) throw invalid("url must not hold a user or a password");
  const { protocol, hostname } = base;
  if (protocol !== "https:" && protocol !== "http:") throw invalid("url must begin with https:// or http://");
  if (
    protocol === "http:" &&
    !insecure &&
    !/^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\]|.+\.onion)$/.test(hostname)
  ) {
    throw invalid(
      "url must be https: over plain http anybody on the way could take the credential. In a network of your own, say insecure: true",
    );
  }
  return base;
}

/**
 * A function that asks the API. It sends the credential to that origin only: redirects are not followed.
 *
 * It rejects with `Unsent` where nothing can have reached the API, with the signal's reason where that fired, and with an Error
 * where the answer was lost.
 *
 * @param {string} name the wallet's, for messages
 * @param {{ base: URL, secret: string, fetch: Function, once: boolean, own: boolean }} options from `readOptions`
 * @param {Record<string, string>} credentials headers
 * @returns {(path: string, init?: { body?: object | URLSearchParams, signal?: AbortSignal }) => Promise<Answer>} GET, or POST where there is a body
 */
export function connect(name, { base, secret, fetch, once, own }, credentials) {
  // as it was given, and as it is sent
  const secrets = [secret, ...Object.values(credentials).map((value) => value.split(" ").pop())];
  // The runtime's own fetch gives answers that can be read. Of another's its first one tells, and that must not be one to a payment.
  let isReadable = own;
  return async (path, { body, signal } = {}) => {
    if (body && !isReadable) {
      isReadable = await (async () => fetch(base.href, { method: "HEAD", redirect: "manual", signal }))().then(
        canBeRead,
        () => undefined,
      );
      if (isReadable === false)
        throw new Unsent(
          `${name} was sent nothing: the answers of this fetch can't be read, they have neither a stream nor text()`,
        );
    }
    const target = new URL(base);
    target.pathname = base.pathname.replace(/\/+$/, "") + path;
    const form = body instanceof URLSearchParams;
    const headers = { accept: "application/json", ...credentials };
    if (body) headers["content-type"] = form ? "application/x-www-form-urlencoded" : "application/json";
    let response;
    try {
      response = await fetch(target.href, {
        method: body ? "POST" : "GET",
        headers,
        body: form ? String(body) : body && JSON.stringify(body),
        redirect: "manual",
        signal,
      });
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw lost(name, base, cause, once);
    }
    isReadable ||= canBeRead(response);
    return new Answer(name, secrets, response, signal);
  };
}

/** An answer, of which not more is read than is wanted. */
class Answer {
  #name;
  #secrets;
  #response;
  #signal;

  constructor(name, secrets, response, signal) {
    this.#name = name;
    this.#secrets = secrets;
    this.#response = response;
    this.#signal = signal;
  }

  get status() {
    return this.#response.status;
  }

  /** Whether the request was turned away and not carried out. */
  get turnedAway() {
    return TURNED_AWAY.has(this.status);
  }

  /** The body as JSON. Throws where it is something else, breaks off or is too long. */
  async json() {
    return this.#parse(await this.#text());
  }

  /** The body's lines, each as JSON, as they come. */
  async *lines() {
    let rest = "";
    for await (const text of this.#chunks()) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line.trim()) yield this.#parse(line);
    }
    if (rest.trim()) yield this.#parse(rest);
  }

  /** An error of the wallet, as an object; empty where the body is none. Its own words are in `text`. */
  async problem() {
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
  say(what, words) {
    if (this.status === 0 || (this.status >= 300 && this.status < 400))
      words = "a redirect, which is not followed: give the url it leads to";
    const text = this.quote(words);
    return `${this.#name} ${what} (status ${this.status})${text && `: ${text}`}`;
  }

  /** The wallet's own words, shortened, and without the credential. */
  quote(words) {
    if (typeof words !== "string") return "";
    return this.#secrets
      .reduce((text, secret) => text.replaceAll(secret, "…"), words)
      .replace(/[\0-\x1f\x7f]+/g, " ")
      .trim()
      .slice(0, MAX_TEXT);
  }

  #parse(text) {
    try {
      const value = JSON.parse(text);
      if (value !== null && typeof value === "object") return value;
    } catch {
      // Said below.
    }
    throw new Error(
      this.say(
        "answered with something that is not its JSON",
        /^\s*</.test(text) ? "a web page: is this the API's url?" : undefined,
      ),
    );
  }

  async #text() {
    let all = "";
    for await (const text of this.#chunks()) all += text;
    return all;
  }

  async *#chunks() {
    const decoder = new TextDecoder();
    let size = 0;
    try {
      for await (const piece of piecesOf(this.#response)) {
        size += piece.length;
        if (size > MAX_ANSWER) throw new Error(this.say("answered with more than it has to say"));
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

/** A body as it comes, in whichever way its fetch gives it: as a stream of the platform's, as one of Node's (node-fetch), or whole. */
async function* piecesOf(response) {
  const { body } = response;
  if (!body?.getReader) return yield* body?.[Symbol.asyncIterator] ? body : [await response.text()];
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

/** Whether it is one that `piecesOf` can read. */
const canBeRead = (response) =>
  !!(response?.body?.getReader ?? response?.body?.[Symbol.asyncIterator] ?? response?.text);

/** Why there is no answer. The runtime's own error is kept, but where it might show a secret that the url's query holds. */
function lost(name, base, cause, once) {
  let code;
  let unsent = false;
  for (let error = cause, depth = 0; error && typeof error === "object" && depth < 4; error = error.cause, depth++) {
    unsent ||= NOT_CONNECTED.test(error.code) || error.syscall === "connect" || error.syscall === "getaddrinfo";
    if (typeof error.code === "string") code = error.code;
  }
  const Kind = unsent && once ? Unsent : Unreached;
  const page = typeof document === "object" ? "; to a page it must also allow its origin (CORS)" : "";
  return new Kind(
    `${name} at ${base.origin} could not be reached${code ? ` (${code})` : page}`,
    base.search ? undefined : { cause },
  );
}
