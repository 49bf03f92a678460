// A server that answers like a wallet, well or badly. Each test sets its answers.
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { bodyOf, listen } from "../support/listen.mjs";

// Answers: functions of Node's response.
export const json = (status, value) => (response) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
};
export const text =
  (status, body, type = "text/plain; charset=UTF-8") =>
  (response) => {
    response.writeHead(status, { "content-type": type });
    response.end(body);
  };
export const page = (status) => text(status, "<!doctype html><title>Sign in</title><p>Sign in to go on", "text/html");
export const empty = (status) => (response) => response.writeHead(status).end();
export const redirect =
  (location, status = 307) =>
  (response) =>
    response.writeHead(status, { location }).end();
/**
 * Begins an answer and breaks the connection off. The connection is ended, not destroyed: a reset may overtake what was
 * sent before it.
 */
export const truncated = (status, body) => (response) => {
  response.writeHead(status, { "content-type": "application/json", "content-length": String(body.length * 2) });
  response.write(body, () => response.socket.end());
};
/** Begins an answer and never ends it. */
export const endless = (status, body) => (response) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.write(body);
};
/** Sends more and more text that could still become JSON. */
export const huge = (status) => (response) => {
  response.writeHead(status, { "content-type": "application/json" });
  const more = () => {
    while (!response.destroyed && response.write(" ".repeat(65536)));
    if (!response.destroyed) response.once("drain", more);
  };
  response.on("error", () => {});
  more();
};
/** Takes the request and breaks the connection off. */
export const cut = () => (response) => response.destroy();
/** Takes the request and says nothing. */
export const silent = () => () => {};

/**
 * A server on a port that the system picks. `on` sets the answer of "METHOD /path": a function of the request
 * (`{ path, headers, body }`) that returns or resolves to one of the answers above. A path may end in `*`. `seen` has
 * every request.
 */
export async function openStandIn(tls) {
  const routes = new Map();
  const seen = [];
  const waiting = [];
  const answer = async (request, response) => {
    const body = await bodyOf(request);
    const asked = { method: request.method, path: request.url, headers: request.headers, body };
    seen.push(asked);
    for (const [wake, enough] of waiting) if (enough(seen)) wake();
    const key = `${request.method} ${request.url}`;
    const route =
      routes.get(key) ?? [...routes].find(([name]) => name.endsWith("*") && key.startsWith(name.slice(0, -1)))?.[1];
    if (!route) return text(404, `no route for ${key}`)(response);
    (await route(asked))(response);
  };
  const server = tls ? createTlsServer(tls, answer) : createServer(answer);
  const { address, port, close } = await listen(server);
  return {
    url: `http${tls ? "s" : ""}://${address}`,
    port,
    seen,
    on(key, route) {
      routes.set(key, route);
      return this;
    },
    /** Resolves when there are enough requests. */
    until: (enough) => (enough(seen) ? undefined : new Promise((wake) => waiting.push([wake, enough]))),
    close,
  };
}
