import { invalid, type Price, readPrice } from "./options.js";

/** Answers a request that is paid for. What it throws, `fetch` throws. */
export type Handler = (request: Request) => Response | Promise<Response>;

/**
 * What a shop sells at a path.
 *
 * @internal
 */
export interface Route {
  path: string;
  handler: Handler;
  /** undefined: that of the shop. */
  price: Price | undefined;
}

/**
 * Checks what a shop is to serve.
 *
 * @throws {L402Error} `invalid_options`
 * @internal
 */
export function readRoute(path: string, handler: Handler, options: { price?: Price | undefined } = {}): Route {
  if (typeof path !== "string" || !/^(https?:\/\/[^/?#]+)?\/[^?#]*$/.test(path))
    throw invalid(`a path must be like "/weather", "/files/*" or "https://a.example/weather", not ${String(path)}`);
  if (typeof handler !== "function") throw invalid("what serves a path must be a function that gives a Response");
  const { price } = options;
  return { path, handler, price: price === undefined ? undefined : readPrice(price, "price") };
}

/**
 * The route of an address: of several the one that came last.
 *
 * @internal
 */
export function routeOf(routes: readonly Route[], { origin, pathname }: URL): Route | undefined {
  return routes.findLast(({ path }) => {
    const asked = path.startsWith("/") ? pathname : origin + pathname;
    return path.endsWith("*") ? asked.startsWith(path.slice(0, -1)) : asked === path;
  });
}

/**
 * The answer of a shop that nobody gave a handler.
 *
 * @internal
 */
export const bought: Handler = (request) => Response.json({ bought: new URL(request.url).pathname });
