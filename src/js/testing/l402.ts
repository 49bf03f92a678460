// L402 and LSAT: a macaroon that commits to the payment hash, and the preimage.
import { concatBytes, randomBytes } from "@noble/hashes/utils.js";
import { hex } from "@scure/base";
import type { Mint } from "./macaroon.js";
import type { Credential, Refusal } from "./sale.js";

/** The layout of the identifier: the version in two bytes, the payment hash, the id of the token. */
const VERSION = Uint8Array.of(0, 0);

/** Makes a macaroon. `until`: when it ends, in Unix seconds; `path`: the only one that it opens. */
export function token(mint: Mint, paymentHash: string, until: number, path: string | null): string {
  const caveats = ["services=shop:0"];
  if (until < Infinity) caveats.push(`shop_valid_until=${until}`);
  if (path !== null) caveats.push(`RequestPath=${path}`);
  return mint.make(concatBytes(VERSION, hex.decode(paymentHash), randomBytes(32)), caveats);
}

/** A challenge in `WWW-Authenticate`. */
export const challenge = (protocol: "l402" | "lsat", macaroon: string, invoice: string): string =>
  protocol === "l402"
    ? `L402 version="0", token="${macaroon}", macaroon="${macaroon}", invoice="${invoice}"`
    : `LSAT macaroon="${macaroon}", invoice="${invoice}"`;

/** Reads an `Authorization`. undefined: it is none of these protocols. null: the shop has never made such a token. */
export function read(
  authorization: string,
  mint: Mint,
  request: Request,
  seconds: number,
): Credential | null | undefined {
  const [, scheme, macaroon = "", preimage] = /^(L402|LSAT) ([^:]*):?(.*)$/.exec(authorization) ?? [];
  if (!scheme) return undefined;
  const checked = mint.check(macaroon);
  if (checked?.identifier.length !== 66) return null;
  return {
    protocol: scheme === "L402" ? "l402" : "lsat",
    paymentHash: hex.encode(checked.identifier.subarray(2, 34)),
    preimage,
    refusal: checked.caveats.map((caveat) => broken(caveat, request, seconds)).find(Boolean),
  };
}

/** Why a caveat does not hold here. The shop takes those that it does not know for others' business. */
function broken(caveat: string, request: Request, seconds: number): Refusal | undefined {
  const [, condition = "", value = ""] = /^([^=]*)=(.*)$/s.exec(caveat) ?? [];
  const wanted = value.trim();
  switch (condition.trim()) {
    case "shop_valid_until":
      return Number(wanted) >= seconds ? undefined : "expired";
    case "RequestPath":
      return wanted === new URL(request.url).pathname ? undefined : "elsewhere";
    case "RequestMethod":
      return wanted === request.method ? undefined : "elsewhere";
  }
  return undefined;
}
