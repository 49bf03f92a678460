// A seller and a wallet in this process, without a network: each URL costs 10 sat, and only its own tokens open it.
import { createHash, randomBytes } from "node:crypto";
import { challenge } from "./mint.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
/** So many invoices are kept that nobody paid. A client may ask twice before it pays. */
const MOST_UNPAID = 1000;
const urlOf = (input) => (typeof input === "string" ? input : input.url);

/** The URL's digest and the payment hash are in the token, so that the seller keeps nothing. */
function opens(authorization, url) {
  const [, token, preimage] = /^L402 ([^:]+):(.+)$/.exec(authorization ?? "") ?? [];
  if (!token) return false;
  const id = Buffer.from(token, "base64").subarray(5, 69);
  const isPaid = sha256(Buffer.from(preimage, "hex")).equals(id.subarray(0, 32));
  return isPaid && sha256(url).equals(id.subarray(32));
}

/**
 * `now`: the clock of the seller. `sold` is told of each invoice: hash, preimage and URL. `wallet` pays at once;
 * `payments()`: how often it did.
 */
export function openSeller({ now = Date.now, sold } = {}) {
  const unpaid = new Map();
  let payments = 0;
  return {
    async fetch(input, init) {
      const url = urlOf(input);
      if (opens(new Headers(init?.headers ?? input.headers).get("authorization"), url)) return new Response("sunny");
      const preimage = randomBytes(32);
      const hash = sha256(preimage);
      if (sold) sold(hash.toString("hex"), preimage.toString("hex"), url);
      else unpaid.set(hash.toString("hex"), preimage.toString("hex"));
      if (unpaid.size > MOST_UNPAID) unpaid.delete(unpaid.keys().next().value);
      return new Response("", { status: 402, headers: { "www-authenticate": challenge(hash, now(), sha256(url)) } });
    },
    wallet({ paymentHash }) {
      const preimage = unpaid.get(paymentHash);
      unpaid.delete(paymentHash);
      payments++;
      return { preimage };
    },
    payments: () => payments,
  };
}
