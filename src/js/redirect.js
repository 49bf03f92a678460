// Redirects followed by hand, for workerd: with compatibility dates before September 2025 it forwards Authorization to another
// origin. Node, Deno, Bun and browsers drop it.

const REDIRECTS = [301, 302, 303, 307, 308];
// As the fetch standard has it.
const MAX_REDIRECTS = 20;

/**
 * Sends a request and follows redirects as the fetch standard says ("HTTP-redirect fetch"), but leaves our Authorization at home.
 *
 * @param {typeof fetch} fetch
 * @param {unknown} target what the first request is sent with
 * @param {RequestInit} init with the headers, ours among them
 * @param {{ url: URL, method: string, signal?: AbortSignal, body: () => Promise<ArrayBuffer> | undefined }} call `body`: the
 *   Request's own, where it has one
 */
export async function follow(fetch, target, init, { url, method, signal, body: ofRequest }) {
  let { headers, body } = init;
  let keptBody = body == null; // the body is the Request's
  let response = await fetch(target, { ...init, redirect: "manual" });
  for (let hops = 0; ; hops++) {
    const location = REDIRECTS.includes(response?.status) ? response.headers.get("location") : null;
    if (location === null)
      return hops === 0 ? response : Object.defineProperty(response, "redirected", { value: true });
    response.body?.cancel().catch(() => {});
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
      headers = without(headers, ["authorization", "proxy-authorization", "cookie", "host"]);
    url = next;
    response = await fetch(url.href, { ...init, method, headers, body, signal, redirect: "manual" });
  }
}

function resolve(location, url) {
  let next;
  try {
    next = new URL(location, url);
  } catch (cause) {
    throw new TypeError("fetch failed: redirected to an invalid URL", { cause });
  }
  if (!/^https?:$/.test(next.protocol)) throw new TypeError("fetch failed: redirected to a URL that is not http");
  return next;
}

function without(headers, names) {
  const rest = new Headers(headers);
  for (const name of names) rest.delete(name);
  return rest;
}
