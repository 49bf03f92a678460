// A seller on loopback for the benchmarks: a challenge costs it next to nothing, so that the clients are what is measured.
// Every 402 sells a fresh invoice and a V2 macaroon that commits to it; the preimage comes along in a header, so that a
// wallet costs nothing either.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const HEADER = "x-preimage";

/** Bytes as groups of five bits, padded with zeros. */
function groups(bytes) {
  const out = [];
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) out.push((value >> (bits - 5)) & 31);
  }
  if (bits > 0) out.push((value << (5 - bits)) & 31);
  return out;
}

/** A whole number as so many groups of five bits. */
const number = (value, length) => Array.from({ length }, (_, i) => Math.floor(value / 32 ** (length - 1 - i)) % 32);

function checksum(prefix, data) {
  let sum = 1;
  const step = (value) => {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].forEach((generator, i) => {
      if ((top >> i) & 1) sum ^= generator;
    });
  };
  for (const char of prefix) step(char.charCodeAt(0) >> 5);
  step(0);
  for (const char of prefix) step(char.charCodeAt(0) & 31);
  for (const value of [...data, 0, 0, 0, 0, 0, 0]) step(value);
  return number((sum ^ 1) >>> 0, 6);
}

/** 10 sat on regtest. Its signature is zeros: no client here checks it. */
function invoice(hash) {
  const field = (tag, data) => [ALPHABET.indexOf(tag), ...number(data.length, 2), ...data];
  const data = [...number(Math.floor(Date.now() / 1000), 7), ...field("p", groups(hash)), ...field("d", groups(Buffer.from("weather"))),
    ...field("x", number(3600, 3)), ...new Array(104).fill(0)];
  return `lnbcrt100n1${[...data, ...checksum("lnbcrt100n", data)].map((value) => ALPHABET[value]).join("")}`;
}

function macaroon(hash) {
  const part = (type, bytes) => [type, bytes.length, ...bytes];
  return Buffer.from([2, ...part(2, [0, 0, ...hash, ...randomBytes(32)]), 0, 0, ...part(6, randomBytes(32))]).toString("base64");
}

function answer(request, response) {
  if (request.url.startsWith("/free") || request.headers.authorization) return response.end("sunny");
  const preimage = randomBytes(32);
  const hash = createHash("sha256").update(preimage).digest();
  response.writeHead(402, { "www-authenticate": `L402 macaroon="${macaroon(hash)}", invoice="${invoice(hash)}"`, [HEADER]: preimage.toString("hex") });
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
