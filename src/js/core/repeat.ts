// Sends a request with a token, or again. None of this is needed before there is a token.
import type { Call, Context, Init, Input } from "./request.js";
import { classOf, isHeaders, isIterable } from "./shapes.js";

/** The parts of a call that is sent again. */
interface Parts {
  call: Call;
  /** Its input and its init, as they are sent. */
  target: Input;
  init: Init | undefined;
  /** What fetch takes for a member. */
  member(key: "cache" | "headers" | "redirect"): unknown;
  /** The whole address; null where fetch will refuse it. */
  url: URL | null;
  /** The body of a Request, where there is one. */
  body(): Promise<ArrayBuffer> | undefined;
}

/** The init for an address that was asked alone, with our Authorization. */
export const withToken = (authorization: string): RequestInit => ({
  headers: { authorization },
  ...(hasHttpCache() && { cache: "no-cache" as const }),
});

/**
 * Sends a request with our Authorization, or again without it.
 *
 * @param context that of the call
 * @param parts of the call, as they are sent
 * @param authorization the value of an Authorization header of ours
 * @param repeat whether it was sent before: an HTTP cache may hold the first answer, and is not asked
 * @returns what fetch returns; a fetch of the user's own may return, and throw, anything
 */
export function sendAgain(
  { fetch, follow }: Context,
  { call, target, init: given, member, url, body }: Parts,
  authorization?: string,
  repeat?: boolean,
): Promise<Response> {
  const caches = hasHttpCache();
  if (authorization === undefined && !(repeat && caches))
    return given === undefined ? fetch(target) : fetch(target, given);

  const init: Init = { ...given };
  if (caches) {
    if (repeat) init.cache = "no-store";
    // A 402 from the cache would look as if the server refused the token, and would be paid again.
    else if (!/^(no-store|reload|no-cache)$/.test(String(member("cache")))) init.cache = "no-cache";
  }
  if (authorization === undefined) return fetch(target, init);
  try {
    init.headers = withAuthorization(member("headers") as HeadersInit | undefined, authorization);
  } catch {
    return fetch(target, init); // fetch refuses these headers too, with its own error
  }
  if (!follow || !url || (member("redirect") ?? "follow") !== "follow") return fetch(target, init);
  return follow(fetch, target, init, { url, method: call.method, signal: call.signal, body });
}

/** The caller's headers, of which there is a snapshot, in their own form and ours beside them. */
function withAuthorization(headers: HeadersInit | undefined, authorization: string): HeadersInit {
  if (headers == null) return { authorization };
  if (typeof headers !== "object") throw headers;
  if (!isHeaders(headers))
    return isIterable(headers)
      ? ([...headers, ["authorization", authorization]] as [string, string][])
      : { ...headers, authorization };
  const copy = new (classOf(headers, "Headers"))(headers);
  copy.set("authorization", authorization);
  return copy;
}

/**
 * Whether there is an HTTP cache. Pages and their workers have one. Elsewhere `cache` is useless, and older workerd,
 * which has importScripts, throws on it.
 */
function hasHttpCache() {
  return typeof document === "object" || (typeof importScripts === "function" && typeof WebSocketPair !== "function");
}
