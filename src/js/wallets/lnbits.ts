// LNbits, measured on LNbits 1.6.2. What its answers mean:
//
// | `POST /api/v1/payments`                                     | counts as                                |
// |-------------------------------------------------------------|------------------------------------------|
// | 201, `status` success, with a preimage                      | paid                                     |
// | 201, success without one                                    | known to LNbits: looked up               |
// | 201, pending                                                | known to LNbits: looked up               |
// | 201, failed; 520, `status` failed                           | failed                                   |
// | 520, `status` pending (in flight) or success (already paid) | known to LNbits, or not begun: looked up |
// | 3xx, 401, 403, 404, 405, 413, 429: turned away              | failed                                   |
// | 400, any other status, no answer                            | unknown: looked up                       |
//
// | `GET /api/v1/payments/HASH`, at most 8 s          | counts as |
// |---------------------------------------------------|-----------|
// | `paid: true` with a preimage                      | paid      |
// | `status: "failed"`                                | failed    |
// | `paid: false`                                     | pending   |
// | 404, Payment does not exist                       | not found |
// | anything else, or silence (it waits for its node) | no answer |
//
// Of an invoice the same shows what came in: `details.amount` once it is paid. `POST /api/v1/payments` with
// `out: false` makes one: 201 with `bolt11`, in whole satoshis. One without an amount is a 520.
import type { Wallet } from "../core/wallet.js";
import { isInvoice, msat, OVERTAKEN, proofOf, satOf, withRecords } from "./records.js";
import { connect, type Json, readOptions } from "./http.js";

/** The options of `lnbits()`. */
export interface LnbitsOptions {
  /**
   * The URL of LNbits: `https://lnbits.example.com`. It is https, or http on this machine, to Tor, or with `insecure`.
   * A path before the API's own is kept.
   */
  url: string;
  /** The wallet's admin key. It is sent to the origin of `url` only, and shown nowhere. */
  adminKey: string;
  /** The function that sends the requests. Default: the global `fetch` at that moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Anyone on the way can then take the credential and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with an LNbits wallet. LNbits takes no fee cap. An interrupted payment is looked up in its
 * records. LNbits shows the preimage of a payment to anyone who asks for its hash. So use an LNbits that only you can
 * reach.
 *
 * @throws {L402Error} `invalid_options`, which names the key
 */
export function lnbits(options: LnbitsOptions): Wallet {
  const read = readOptions("lnbits", options, "adminKey", /^[\x21-\x7e]+$/, "the wallet's admin key");
  const call = connect("lnbits", read, { "x-api-key": read.secret });

  /** The record of a payment, in or out. null if there is none. */
  async function look(paymentHash: string, signal: AbortSignal): Promise<Json> {
    const answer = await call(`/api/v1/payments/${paymentHash}`, { signal });
    const body = answer.status === 200 ? await answer.json() : await answer.problem();
    if (answer.status === 404 && body.detail === "Payment does not exist.") return null;
    if (answer.status !== 200 || typeof body.paid !== "boolean")
      throw new Error(answer.say("does not look payments up", body.detail ?? body.text));
    return body;
  }

  const wallet = withRecords("lnbits", {
    once: read.once,
    account: `${read.base.href} ${read.secret}`,
    records: { finds: true, errorMs: OVERTAKEN },
    settlesOnce: true,

    async pay({ paymentRequest }, { signal }, entry) {
      const answer = await call("/api/v1/payments", { body: { out: true, bolt11: paymentRequest }, signal });
      const body = answer.status === 201 ? await answer.json() : await answer.problem();
      const words = body.detail ?? body.error ?? body.text;
      if (answer.turnedAway) return { failed: answer.say("refused", words) };
      if (answer.status === 201 || answer.status === 520) {
        if (body.status === "failed") return { failed: answer.say("did not pay", words) };
        // PaymentError's status is also "pending" if nobody has set it. So the records have to tell.
        if (answer.status === 201 || body.status === "success") entry.known = true;
        if (answer.status === 201 && body.status === "success") return proofOf("lnbits", body.preimage, fee(body.fee));
      }
      throw new Error(answer.say("did not say what became of the payment", words ?? body.status));
    },

    async find(paymentHash, signal) {
      const body = await look(paymentHash, signal);
      if (!body) return { state: "not_found" };
      if (body.paid) return { state: "paid", ...proofOf("lnbits", body.preimage, fee(body.details?.fee)) };
      return { state: body.status === "failed" ? "failed" : "pending" };
    },

    async make({ amountMsat, description, expirySeconds }, signal) {
      if (amountMsat === null)
        throw new TypeError("lnbits makes no invoice without an amount: sessions need another wallet");
      const order = { out: false, amount: satOf("lnbits", amountMsat), memo: description, expiry: expirySeconds };
      const answer = await call("/api/v1/payments", { body: order, signal });
      const { bolt11, detail, error, text } = await (answer.status === 201 ? answer.json() : answer.problem());
      if (!isInvoice(bolt11)) throw new Error(answer.say("made no invoice", detail ?? error ?? text));
      return bolt11;
    },

    async came(paymentHash, signal) {
      const body = await look(paymentHash, signal);
      // Absent if the record is another wallet's, and negative if it is of a payment that goes out.
      const amount = msat(body?.details?.amount);
      return amount === undefined ? null : body.paid ? amount : 0;
    },
  });

  return {
    ...wallet,
    async balanceMsat() {
      const answer = await call("/api/v1/wallet");
      const body = answer.status === 200 ? await answer.json() : await answer.problem();
      const balance = msat(body.balance);
      if (balance === undefined) throw new Error(answer.say("does not tell its balance", body.detail ?? body.text));
      return balance;
    },
  };
}

/** LNbits shows a fee as a negative number. */
function fee(value: unknown) {
  return typeof value === "number" ? Math.abs(value) : undefined;
}
