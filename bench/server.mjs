// A seller on loopback for the benchmarks: a challenge costs it next to nothing, so that the clients are what is
// measured. Every 402 sells a fresh invoice and a V2 macaroon that commits to it; the preimage comes along in a header,
// so that a wallet costs nothing either.
import { createHash, createHmac, randomBytes } from "node:crypto";
import http from "node:http";
import { Readable } from "node:stream";
import { sendFile } from "../tests/support/serve.mjs";
import { etc, getPublicKey, hashes, sign } from "@noble/secp256k1";
import { challenge, charge, exact } from "../tests/support/mint.mjs";

const HEADER = "x-preimage";

const CHUNK = Buffer.alloc(64 * 1024, "sunny ");

/** A body of so many megabytes. */
function* chunks(megabytes) {
  for (let i = 0; i < megabytes * 16; i++) yield CHUNK;
}

// isolated, a page has a finer clock
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
hashes.sha256 = (bytes) => new Uint8Array(sha256(bytes));
hashes.hmacSha256 = (key, bytes) => new Uint8Array(createHmac("sha256", key).update(bytes).digest());
const SECRET = new Uint8Array(32).fill(7);
const node = {
  key: etc.bytesToHex(getPublicKey(SECRET)),
  sha256,
  sign(digest) {
    const [id, ...signature] = sign(new Uint8Array(digest), SECRET, { prehash: false, format: "recovered" });
    return Uint8Array.of(...signature, id);
  },
};

/** Offers of x402 that were signed before anybody asks: to sign takes longer than all else that the seller does. */
const signed = new Map();
const STOCK = 2_500;
function stock(url) {
  const made = [];
  for (let count = 0; count < STOCK; count++) {
    const preimage = randomBytes(32);
    made.push([preimage, exact(sha256(preimage), url, node)]);
  }
  signed.set(url, made);
}
const offerFor = (url) => {
  if (!signed.get(url)?.length) stock(url);
  return signed.get(url).pop();
};

/** The page and its scripts, as run.mjs made them. */
const site = (path, response) => sendFile(response, process.env.BENCH_SITE, path, ISOLATED);

function answer(request, response) {
  if (request.url.startsWith("/site/")) return site(request.url.slice(6), response).catch(() => response.destroy());
  response.setHeader("cache-control", "no-store"); // a browser's cache is not what is measured
  if (request.url.startsWith("/big/")) return Readable.from(chunks(Number(request.url.slice(5)))).pipe(response);
  const isPaid = request.headers.authorization ?? request.headers["payment-signature"];
  if (request.url.startsWith("/free") || isPaid) return response.end("sunny");
  if (request.url.startsWith("/exact")) {
    const [preimage, required] = offerFor(`http://${request.headers.host}${request.url}`);
    response.writeHead(402, { "payment-required": required, [HEADER]: preimage.toString("hex") });
    return response.end("pay first");
  }
  const preimage = randomBytes(32);
  const hash = sha256(preimage);
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
