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

/** 10 sat on regtest, for an hour. Its signature is zeros: no client here checks it. */
function invoice(hash, now) {
  const field = (tag, data) => [ALPHABET.indexOf(tag), ...number(data.length, 2), ...data];
  const data = [
    ...number(Math.floor(now / 1000), 7),
    ...field("p", groups(hash)),
    ...field("d", groups(new TextEncoder().encode("weather"))),
    ...field("x", number(3600, 3)),
    ...new Array(104).fill(0),
  ];
  return `lnbcrt100n1${[...data, ...checksum("lnbcrt100n", data)].map((value) => ALPHABET[value]).join("")}`;
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

const base64url = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The same as a charge of MPP. */
export function charge(hash, now = Date.now(), id = random()) {
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const methodDetails = { invoice: invoice(hash, now), network: "regtest", paymentHash: hex(hash) };
  const request = base64url(JSON.stringify({ amount: "10", currency: "sat", methodDetails }));
  return `Payment id="${hex(id)}", realm="shop", method="lightning", intent="charge", request="${request}"`;
}
