// Follows redirects of requests whose credential the runtime would forward to another origin: in any header but
// Authorization, and in workerd with compatibility dates before September 2025 in that one too.

import type { Input } from "./request.js";

const REDIRECTS = [301, 302, 303, 307, 308];
// As in the fetch standard.
const MAX_REDIRECTS = 20;

/** In place of a response. A fetch of the user's own may give anything else. */
export const HIDDEN = Symbol();

/** What is followed. */
interface Followed {
  url: URL;
  method: string;
  signal?: AbortSignal | undefined;
  /** The Request's own body, where it has one. */
  body(): Promise<ArrayBuffer> | undefined;
}

/**
 * Sends a request and follows redirects as the fetch standard says ("HTTP-redirect fetch"). Our credential goes to no
 * other origin. `HIDDEN` where the runtime does not tell where a redirect leads, which no page learns.
 *
 * @param target what the first request is sent with
 * @param init with the headers, ours among them
 */
export async function follow(
  fetch: typeof globalThis.fetch,
  target: Input,
  init: RequestInit,
  call: Followed,
): Promise<Response | typeof HIDDEN> {
  const { signal, body: ofRequest } = call;
  let { url, method } = call;
  let { headers = {}, body }: { headers?: HeadersInit; body?: BodyInit | null | undefined } = init;
  let keptBody = body == null; // the body is the Request's
  let response = await fetch(target, { ...init, redirect: "manual" });
  if (response?.type === "opaqueredirect") return HIDDEN;
  for (let hops = 0; ; hops++) {
    const location = REDIRECTS.includes(response?.status) ? response.headers.get("location") : null;
    if (location === null)
      return hops === 0 ? response : Object.defineProperty(response, "redirected", { value: true });
    discard(response);
    if (hops === MAX_REDIRECTS) throw new TypeError("fetch failed: too many redirects");

    const next = resolve(location, url);
    if (response.status === 303 ? !/^(GET|HEAD)$/.test(method) : response.status < 303 && method === "POST") {
      method = "GET";
      body = undefined;
      keptBody = false;
      headers = without(headers, [
        "content-encoding",
        "content-language",
        "content-location",
        "content-type",
        "content-length",
      ]);
    } else if (keptBody) {
      body = await ofRequest();
    }
    if (next.origin !== url.origin)
      headers = without(headers, [
        "authorization",
        "payment-authorization",
        "payment-signature",
        "proxy-authorization",
        "cookie",
        "host",
      ]);
    url = next;
    response = await fetch(url.href, { ...init, method, headers, body, signal, redirect: "manual" } as RequestInit);
  }
}

/** Lets go of a body that nobody will read. A fetch of the user's own may give any object. */
export function discard(response: Response): void {
  try {
    const body = response.body as { cancel?(): unknown; destroy?(): unknown } | null;
    // node-fetch has a stream of Node's, which is destroyed.
    Promise.resolve((body?.cancel ?? body?.destroy)?.call(body)).catch(() => {});
  } catch {}
}

function resolve(location: string, url: URL) {
  let next: URL;
  try {
    next = new URL(location, url);
  } catch (cause) {
    throw new TypeError("fetch failed: redirected to an invalid URL", { cause });
  }
  if (!/^https?:$/.test(next.protocol)) throw new TypeError("fetch failed: redirected to a URL that is not http");
  return next;
}

function without(headers: HeadersInit, names: string[]) {
  const rest = new Headers(headers);
  for (const name of names) rest.delete(name);
  return rest;
}
