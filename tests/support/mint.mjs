// What a seller on loopback sells: a challenge that costs next to nothing to make, in any runtime.
const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

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

const field = (tag, data) => [ALPHABET.indexOf(tag), ...number(data.length, 2), ...data];

/** For an hour. */
const terms = (hash, about, now) => [
  ...number(Math.floor(now / 1000), 7),
  ...field("p", groups(hash)),
  ...about,
  ...field("x", number(3600, 3)),
];

/** `signature`: 104 groups. */
function written(prefix, data, signature) {
  const all = [...data, ...signature];
  return `${prefix}1${[...all, ...checksum(prefix, all)].map((value) => ALPHABET[value]).join("")}`;
}

/** 10 sat on regtest. Its signature is zeros: few offers need it. */
function invoice(hash, now) {
  const about = field("d", groups(new TextEncoder().encode("weather")));
  return written("lnbcrt100n", terms(hash, about, now), new Array(104).fill(0));
}

const random = () => crypto.getRandomValues(new Uint8Array(32));

function macaroon(hash, id) {
  const part = (type, bytes) => [type, bytes.length, ...bytes];
  return btoa(String.fromCharCode(2, ...part(2, [0, 0, ...hash, ...id]), 0, 0, ...part(6, random())));
}

/**
 * A `WWW-Authenticate` value that asks 10 sat for the preimage of this hash: a fresh invoice, and a V2 macaroon that
 * commits to it. `id`: the 32 bytes that tell the macaroon from others.
 */
export const challenge = (hash, now = Date.now(), id = random()) =>
  `L402 macaroon="${macaroon(hash, id)}", invoice="${invoice(hash, now)}"`;

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const base64url = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The same as a charge of MPP. */
export function charge(hash, now = Date.now(), id = random()) {
  const methodDetails = { invoice: invoice(hash, now), network: "regtest", paymentHash: hex(hash) };
  const request = base64url(JSON.stringify({ amount: "10", currency: "sat", methodDetails }));
  return `Payment id="${hex(id)}", realm="shop", method="lightning", intent="charge", request="${request}"`;
}

/**
 * A `PAYMENT-REQUIRED` value of x402 that asks 10 sat, on the main network, for a GET of this URL. `node`: the hex of
 * its key, `sha256(bytes)`, and `sign(digest)`, which gives 64 bytes and the recovery id.
 */
export function exact(hash, url, { key, sha256, sign }, now = Date.now()) {
  const text = (value) => new TextEncoder().encode(value);
  const binding = `{"bodyHash":"${hex(sha256(text("")))}","domain":"x402:exact:lnbtc:bolt11:http:1","headers":[],"method":"GET","url":"${url}"}`;
  const requestHash = sha256(text(binding));
  const data = terms(hash, field("h", groups(requestHash)), now);
  const packed = [];
  for (let bits = 0, value = 0, at = 0; at < data.length || bits > 0; at++) {
    value = ((value << 5) | (data[at] ?? 0)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    packed.push((value >> bits) & 255);
    if (at >= data.length) break;
  }
  const signature = groups(sign(sha256(Uint8Array.of(...text("lnbc100n"), ...packed))));
  const entry = {
    scheme: "exact",
    network: "lnbtc:000000000019d6689c085ae165831e93",
    amount: "10000",
    asset: "BTC",
    payTo: key,
    maxTimeoutSeconds: 3600,
    extra: {
      invoice: written("lnbc100n", data, signature),
      paymentFlow: "upfront",
      requestHash: hex(requestHash),
      requestBindingProfile: "http:1",
      requestBindingParams: { headers: [] },
    },
  };
  return btoa(JSON.stringify({ x402Version: 2, resource: { url }, accepts: [entry] }));
}
