// x402 with Lightning: the scheme `exact` on `lnbtc`, profile `http:1`. An offer is for one request alone.
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { base64, hex } from "@scure/base";
import type { Network } from "../core/parsers.js";
import type { Credential, Refusal, Sale } from "./sale.js";

/** The networks that have a name here: the first digits of their first block's hash. */
const NETWORKS: Partial<Record<Network, string>> = {
  bitcoin: "lnbtc:000000000019d6689c085ae165831e93",
  testnet: "lnbtc:000000000933ea01ad0ee984209779ba",
};
/** For so many seconds after its invoice has expired a payment can be shown. */
const GRACE = 60;

/** The specification's name for each refusal. */
const REASONS: Record<Refusal, string> = {
  unknown: "invalid_payload",
  not_paid: "exact_lnbtc_payment_not_paid",
  used: "duplicate_settlement",
  expired: "invalid_exact_lnbtc_invoice_expired",
  elsewhere: "invalid_exact_lnbtc_request_mismatch",
};

/** The SHA-256 hash of what an offer is bound to. */
export async function bindingOf(request: Request, url: string): Promise<Uint8Array> {
  const body = new Uint8Array(await request.clone().arrayBuffer());
  // In the order of JCS.
  const binding = {
    bodyHash: hex.encode(sha256(body)),
    domain: "x402:exact:lnbtc:bolt11:http:1",
    headers: [],
    method: request.method,
    url,
  };
  return sha256(utf8ToBytes(JSON.stringify(binding)));
}

/** The entry that offers a sale, as JSON. */
export const entryOf = (
  { invoice, network, amountSat }: Sale,
  binding: Uint8Array,
  payTo: string,
  seconds: number,
): string =>
  JSON.stringify({
    scheme: "exact",
    network: NETWORKS[network],
    amount: String(amountSat * 1000),
    asset: "BTC",
    payTo,
    maxTimeoutSeconds: seconds,
    extra: {
      assetTransferMethod: "bolt11",
      invoice,
      paymentFlow: "upfront",
      requestHash: hex.encode(binding),
      requestBindingProfile: "http:1",
      requestBindingParams: { headers: [] },
    },
  });

/** The value of a `PAYMENT-REQUIRED`. */
export const required = (entry: string, url: string, refusal: Refusal | null): string =>
  encode({
    x402Version: 2,
    error: refusal ? REASONS[refusal] : "PAYMENT-SIGNATURE header is required",
    resource: { url },
    accepts: [JSON.parse(entry)],
  });

/**
 * Reads a `PAYMENT-SIGNATURE`. null: it can't be read, or its entry is not as the shop wrote it.
 *
 * @param sales by payment hash
 */
export function read(
  header: string,
  binding: Uint8Array,
  sales: ReadonlyMap<string, Sale>,
  seconds: number,
): Credential | null {
  try {
    const { x402Version, accepted, payload } = JSON.parse(new TextDecoder().decode(base64.decode(header)));
    const sale = sales.get(hex.encode(sha256(hex.decode(payload.preimage))));
    // The members keep their order when they are read and written again.
    if (x402Version !== 2 || !sale?.entry || sale.entry !== JSON.stringify(accepted)) return null;
    const isHere = accepted.extra.requestHash === hex.encode(binding);
    const refusal = !isHere ? "elsewhere" : seconds > sale.expiresAt + GRACE ? "expired" : undefined;
    return { protocol: "x402", paymentHash: sale.paymentHash, preimage: payload.preimage, refusal };
  } catch {
    return null;
  }
}

/** The value of a `PAYMENT-RESPONSE`. */
export function responseOf({ network, paymentHash }: Sale, refusal: Refusal | null): string {
  const name = NETWORKS[network];
  return encode(
    refusal
      ? { success: false, errorReason: REASONS[refusal], transaction: "", network: name }
      : { success: true, transaction: paymentHash, network: name },
  );
}

const encode = (value: unknown) => base64.encode(utf8ToBytes(JSON.stringify(value)));
