// How a request is sent with a token, and again: nothing of it is needed before there is one.
import { classOf, isHeaders } from "./request.js";

/** What an address alone is sent with, and our Authorization. */
export const withToken = (authorization) => ({
  headers: { authorization },
  ...(hasHttpCache() && { cache: "no-cache" }),
});

/**
 * Sends a request with our Authorization, or again without one.
 *
 * @param {{ fetch: typeof fetch, follow?: typeof import("./redirect.js").follow }} context as `readRequest` was given it
 * @param {{ call: object, target: unknown, init?: RequestInit, member: (key: string) => unknown, url: URL, body: () => Promise<ArrayBuffer> | undefined }} parts
 *   of `call`: its input and init as they are sent, what fetch takes for a member, the whole address, and the body of a Request
 * @param {string} [authorization] the value of an Authorization header of ours
 * @param {boolean} [repeat] it was sent before: go around an HTTP cache, which may hold the first answer
 * @returns {Promise<Response>} what fetch returns; a fetch of the user's own may return, and throw, anything
 */
export function sendAgain({ fetch, follow }, { call, target, init: given, member, url, body }, authorization, repeat) {
  const caches = hasHttpCache();
  if (authorization === undefined && !(repeat && caches))
    return given === undefined ? fetch(target) : fetch(target, given);

  const init = { ...given };
  if (caches) {
    if (repeat) init.cache = "no-store";
    // A 402 out of the cache would pass for the token's refusal, and be paid again.
    else if (!/^(no-store|reload|no-cache)$/.test(member("cache"))) init.cache = "no-cache";
  }
  if (authorization === undefined) return fetch(target, init);
  try {
    init.headers = withAuthorization(member("headers"), authorization);
  } catch {
    return fetch(target, init); // fetch refuses these headers too, with its own error
  }
  if (!follow || (member("redirect") ?? "follow") !== "follow") return fetch(target, init);
  return follow(fetch, target, init, { url, method: call.method, signal: call.signal, body });
}

/** The caller's headers, of which there is a snapshot, in their own form and ours beside them. */
function withAuthorization(headers, authorization) {
  if (headers == null) return { authorization };
  if (typeof headers !== "object") throw headers;
  if (!isHeaders(headers))
    return typeof headers[Symbol.iterator] === "function"
      ? [...headers, ["authorization", authorization]]
      : { ...headers, authorization };
  const copy = new (classOf(headers, "Headers"))(headers);
  copy.set("authorization", authorization);
  return copy;
}

/** Pages and their workers have one. Elsewhere `cache` is useless, and older workerd (which has importScripts) throws on it. */
function hasHttpCache() {
  return typeof document === "object" || (typeof importScripts === "function" && typeof WebSocketPair !== "function");
}
