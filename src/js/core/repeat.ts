// Sends a request with a credential, or again. None of this is needed before there is a token.
import { follow, HIDDEN } from "./redirect.js";
import type { Context, Init, Input, Parts } from "./request.js";
import { classOf, isHeaders, isIterable, isRequest } from "./shapes.js";

/** A header that proves a payment. */
export interface Proof {
  /** The name, in lower case. */
  field: string;
  value: string;
}

const unproven = new WeakSet<Response>();

/** Whether a response came to a request that went without its proof after all: it says nothing of that. */
export const isUnproven = (response: Response): boolean => unproven.has(response);

/** The init for an address that was asked alone, with a header of ours. */
export const withToken = ({ field, value }: Proof): RequestInit => ({
  headers: { [field]: value },
  ...(hasHttpCache() && { cache: "no-cache" as const }),
});

/**
 * Sends a request with a header of ours, or again without it.
 *
 * @param context that of the call
 * @param parts of the call, as they are sent
 * @param proof a header of ours
 * @param repeat whether it was sent before: an HTTP cache may hold the first answer, and is not asked
 * @param at where a redirect has led within the origin, if the header is for that address; for requests without a body
 * @returns what fetch returns; a fetch of the user's own may return, and throw, anything
 */
export async function sendAgain(
  { fetch, forwards }: Context,
  { call, target, init: given, member, url, body }: Parts,
  proof?: Proof,
  repeat?: boolean,
  at?: string,
): Promise<Response> {
  const caches = hasHttpCache();
  if (!proof && !(repeat && caches)) return given === undefined ? fetch(target) : fetch(target, given);

  const init: Init = { ...given };
  if (caches) {
    if (repeat) init.cache = "no-store";
    // A 402 from the cache would look as if the server refused the token, and would be paid again.
    else if (!/^(no-store|reload|no-cache)$/.test(String(member("cache")))) init.cache = "no-cache";
  }
  if (!proof) return fetch(target, init);
  const plain = { ...init };
  try {
    init.headers = withProof(member("headers") as HeadersInit | undefined, proof);
  } catch {
    return fetch(target, init); // fetch refuses these headers too, with its own error
  }
  const follows = url && (member("redirect") ?? "follow") === "follow";
  if (!follows || (proof.field === "authorization" && !forwards)) return fetch(target, init);
  // It is that of the last answer, and a redirect would be held against it.
  if (member("integrity")) return fetch(target, { ...init, redirect: "error" });
  const to = at === undefined ? target : addressed(target, at);
  const followed = { url: at === undefined ? url : new URL(at), method: call.method, signal: call.signal, body };
  // Who can't follow by hand sends it without the proof.
  const followedTo = await follow(fetch, to, init, followed);
  if (followedTo !== HIDDEN) return followedTo;
  const response = await fetch(call.parts().target, plain);
  if (response === Object(response)) unproven.add(response);
  return response;
}

/** The same request for another address. */
const addressed = (target: Input, at: string): Input =>
  isRequest(target) ? new (classOf(target, "Request") as unknown as typeof Request)(at, target) : at;

/** The caller's headers, of which there is a snapshot, in their own form and ours beside them. */
function withProof(headers: HeadersInit | undefined, { field, value }: Proof): HeadersInit {
  if (headers == null) return { [field]: value };
  if (typeof headers !== "object") throw headers;
  if (!isHeaders(headers))
    return isIterable(headers) ? ([...headers, [field, value]] as [string, string][]) : { ...headers, [field]: value };
  const copy = new (classOf(headers, "Headers"))(headers);
  copy.set(field, value);
  return copy;
}

/**
 * Whether there is an HTTP cache. Pages and their workers have one. Elsewhere `cache` is useless, and older workerd,
 * which has importScripts, throws on it.
 */
function hasHttpCache() {
  return typeof document === "object" || (typeof importScripts === "function" && typeof WebSocketPair !== "function");
}
