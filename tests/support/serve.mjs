// A static file server on a port of the system's choice.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Serves a folder. `pages` maps a path to a text, or to a function of the request that answers it itself (and returns
 * nothing) or returns the text. Resolves with the URL, the list of paths asked for so far, and a `close()`.
 */
export async function serve(folder, pages = {}) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    asked.push(pathname);
    try {
      let body = pages[pathname];
      if (typeof body === "function") body = await body(request, response);
      if (response.headersSent || response.writableEnded) return;
      body ??= await readFile(join(folder, normalize(decodeURIComponent(pathname))));
      response.setHeader("content-type", TYPES[extname(pathname)] ?? "text/html; charset=utf-8");
      response.setHeader("cache-control", "no-store");
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>not found</title>");
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(done);
      }),
  };
}
