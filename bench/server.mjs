// A seller on loopback for the benchmarks: a challenge costs it next to nothing, so that the clients are what is
// measured. Every 402 sells a fresh invoice and a V2 macaroon that commits to it; the preimage comes along in a header,
// so that a wallet costs nothing either.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import { Readable } from "node:stream";
import { sendFile } from "../tests/support/serve.mjs";
import { challenge, charge } from "../tests/support/mint.mjs";

const HEADER = "x-preimage";

const CHUNK = Buffer.alloc(64 * 1024, "sunny ");

/** A body of so many megabytes. */
function* chunks(megabytes) {
  for (let i = 0; i < megabytes * 16; i++) yield CHUNK;
}

// isolated, a page has a finer clock
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** The page and its scripts, as run.mjs made them. */
const site = (path, response) => sendFile(response, process.env.BENCH_SITE, path, ISOLATED);

function answer(request, response) {
  if (request.url.startsWith("/site/")) return site(request.url.slice(6), response).catch(() => response.destroy());
  response.setHeader("cache-control", "no-store"); // a browser's cache is not what is measured
  if (request.url.startsWith("/big/")) return Readable.from(chunks(Number(request.url.slice(5)))).pipe(response);
  if (request.url.startsWith("/free") || request.headers.authorization) return response.end("sunny");
  const preimage = randomBytes(32);
  const hash = createHash("sha256").update(preimage).digest();
  const offer = request.url.startsWith("/charged") ? charge(hash) : challenge(hash);
  response.writeHead(402, { "www-authenticate": offer, [HEADER]: preimage.toString("hex") });
  response.end("pay first");
}

// An address for each crowd: a machine has ports for some 28,000 connections to one, and closed ones rest for a minute.
const servers = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(async (host) => {
  const server = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, answer);
  await new Promise((resolve) => server.listen({ port: 0, host, backlog: 65_535 }, resolve));
  return `http://${host}:${server.address().port}`;
});
process.send(await Promise.all(servers));
process.on("disconnect", () => process.exit());
