// The server of the demo on real nodes. It serves the page, and passes its requests on to the shop and to the lnd node.
// The page never gets the node's macaroon. It may ask the node only the calls that are listed here.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";
import { openLnd } from "../tests/interop/lnd.mjs";
import { listen } from "../tests/support/listen.mjs";
import { sendFile } from "../tests/support/serve.mjs";
import { at, RunError } from "./lib.mjs";

/** The calls that a wallet needs. */
const LND = [
  ["POST", /^\/v2\/router\/send$/],
  ["GET", /^\/v2\/router\/track\/[\w=-]+$/],
  ["GET", /^\/v1\/balance\/channels$/],
];

/** The response headers of the shop that the page gets. */
const SHOWN = ["content-type", "www-authenticate"];

/**
 * Serves the page on loopback. `shop` is the URL that it buys. `lnd` is `{ url, macaroon, ca? }`, with the macaroon in
 * hex. `about` goes to the page unchanged: `source`, `network`, `price`, `thing`, `payer`, `isOwn`. Resolves with the
 * page's `url` and `close()`.
 */
export async function serveDemo({ port, shop, lnd, about }) {
  // A secret of this server alone. No other page can read it.
  const key = randomBytes(32).toString("hex");
  const hosts = new Set();
  const isOurs = (sent) =>
    typeof sent === "string" && sent.length === key.length && timingSafeEqual(Buffer.from(sent), Buffer.from(key));

  async function answer(request, response) {
    // Another name may be made to point here. Its pages would then have the origin of this page.
    if (!hosts.has(request.headers.host))
      return refuse(response, 403, "open the page at the address that the command printed");
    const { pathname, search } = new URL(request.url, "http://localhost");
    if (pathname === "/config.json") {
      const config = { ...about, shop: `/shop${shop.pathname}${shop.search}`, lnd: { url: "/lnd", macaroon: key } };
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify(config));
    }
    if (pathname.startsWith("/shop/")) {
      return request.url === `/shop${shop.pathname}${shop.search}` && request.method === "GET"
        ? buy(request, response)
        : refuse(response, 404, "no such ware");
    }
    if (pathname.startsWith("/lnd/")) {
      const path = pathname.slice("/lnd".length);
      if (!isOurs(request.headers["grpc-metadata-macaroon"])) return refuse(response, 403, "not the key of this page");
      if (!LND.some(([method, pattern]) => method === request.method && pattern.test(path)))
        return refuse(response, 404, "a wallet does not need this");
      return askLnd(request, response, path + search);
    }
    return serveFile(pathname, response);
  }

  async function buy(request, response) {
    const { authorization, accept = "*/*" } = request.headers;
    const answer = await fetch(shop, {
      headers: { accept, ...(authorization && { authorization }) },
      redirect: "manual",
    });
    response.statusCode = answer.status;
    // Joins several lines of a header: Firefox shows a page none of them.
    for (const name of SHOWN) if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name));
    response.setHeader("cache-control", "no-store");
    if (answer.body) await pipeline(answer.body, response);
    else response.end();
  }

  async function askLnd(request, response, path) {
    const answer = await openLnd(lnd, path, { method: request.method, body: request });
    response.writeHead(answer.statusCode, { "content-type": "application/json" });
    await pipeline(answer, response);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 502, error.cause?.message ?? error.message);
    });
  });
  const listening = await listen(server, { port }).catch((cause) => {
    throw new RunError(`can't listen on port ${port} (${cause.code}): name another with --port`, { cause });
  });
  for (const name of ["127.0.0.1", "localhost"]) hosts.add(`${name}:${listening.port}`);
  return listening;
}

async function serveFile(pathname, response) {
  const [folder, name] = pathname.startsWith("/package/")
    ? ["dist", pathname.slice("/package/".length)]
    : ["www", pathname === "/" ? "index.html" : pathname];
  try {
    await sendFile(response, at(folder), name);
  } catch {
    refuse(response, 404, "no such page");
  }
}

function refuse(response, status, error) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error }));
}
