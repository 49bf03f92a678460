// Static files over HTTP.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { listen } from "./listen.mjs";

const HTML = "text/html; charset=utf-8";
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": HTML,
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Answers with a file of a folder. Rejects, with nothing sent, where the folder has no such file. */
export async function sendFile(response, folder, path, headers = {}) {
  // below a leading slash `normalize` leaves no `..`
  const file = join(folder, normalize(`/${decodeURIComponent(path)}`));
  const body = await readFile(file);
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type, "cache-control": "no-store", ...headers });
  response.end(body);
}

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
      if (body === undefined) return await sendFile(response, folder, pathname);
      response.setHeader("content-type", TYPES[extname(pathname)] ?? HTML);
      response.setHeader("cache-control", "no-store");
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.setHeader("content-type", HTML);
      response.end("<!doctype html><title>not found</title>");
    }
  });
  const { url, close } = await listen(server);
  return { url, asked, close };
}
