// Core Lightning over clnrest, from its documentation and its sources (24.11 to 25.x). It was not measured on a node.
//
// | `POST /v1/pay`                                              | counts as                                        |
// |-------------------------------------------------------------|--------------------------------------------------|
// | 201, with `payment_preimage`; xpay, which 24.11 and later   | paid                                             |
// |   may put behind `pay`, sends no `status`                   |                                                  |
// | 201, complete without one, pending or failed                | known to the node: looked up                     |
// | 401, 403: the rune; 404: no such method; other 3xx, 405,    | failed                                           |
// |   413, 429: turned away                                     |                                                  |
// | 500 with code -32601, -32602: no such method or parameter   | failed                                           |
// | 500 with any other code: 201, 203, 205, 206, 207, 209, 210, | ended, but parts may still be on their way (xpay |
// |   219, -1                                                   |   does not wait for them): looked up             |
// | any other status, no answer                                 | unknown: looked up                               |
//
// | `POST /v1/listpays`, at most 8 s    | counts as                                         |
// |-------------------------------------|---------------------------------------------------|
// | any entry complete, with a preimage | paid                                              |
// | any entry pending                   | pending                                           |
// | every entry failed                  | failed, with the time at which the last was begun |
// | no entry                            | not found                                         |
// | anything else, or silence           | no answer                                         |
//
// | `POST /v1/invoice`                 | counts as                                       |
// |------------------------------------|-------------------------------------------------|
// | 201 with `bolt11`                  | the invoice                                     |
// | anything else                      | none, with the node's own words                 |
//
// | `POST /v1/listinvoices`            | counts as                                       |
// |------------------------------------|-------------------------------------------------|
// | `status` paid                      | `amount_received_msat`                          |
// | unpaid, expired                    | 0                                               |
// | no entry                           | no invoice of this node: it can't tell          |
// | anything else                      | an error                                        |
//
// A command whose answer was lost may still make new attempts. Between two of them every entry says failed. So for 70 s
// after the command was sent, neither "failed" nor "not found" is certain.
import type { Wallet } from "../core/wallet.js";
import { isInvoice, msat, preimageOf, proofOf, withRecords } from "./records.js";
import { type Answer, connect, type Json, readOptions } from "./http.js";

// The time in which the node looks for routes and makes new attempts. Between two of them its records say failed.
const RETRY_SECONDS = 60;
const LATE = (RETRY_SECONDS + 10) * 1000;

/** The options of `cln()`. */
export interface ClnOptions {
  /**
   * The URL of clnrest: `https://127.0.0.1:3010`. It is https, or http on this machine, to Tor, or with `insecure`. A
   * path before the API's own is kept.
   */
  url: string;
  /**
   * The rune must allow `pay`, `listpays`, and `listpeerchannels` for the balance. It is sent to the origin of `url`
   * only, and shown nowhere.
   */
  rune: string;
  /** The function that sends the requests. Default: the global `fetch` at that moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Anyone on the way can then take the credential and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with a Core Lightning node, over clnrest. It passes the fee cap on. An interrupted payment is
 * looked up in the node's own records. If the answer of a `pay` was lost, the payment counts as pending for 70 s: the
 * node may still be trying.
 *
 * @throws {L402Error} `invalid_options`, which names the key
 */
export function cln(options: ClnOptions): Wallet {
  const read = readOptions("cln", options, "rune", /^[\w=+/-]+$/, "a rune, as lightning-cli createrune prints it");
  const call = connect("cln", read, { rune: read.secret });
  const ask = async (method: string, params: object, signal?: AbortSignal) => {
    const answer = await call(`/v1/${method}`, { body: params, ...(signal && { signal }) });
    const body = answer.status === 201 ? await answer.json() : await answer.problem();
    // Before 24.11 errors were nested.
    return { answer, body, error: body.error ?? body };
  };

  const wallet = withRecords("cln", {
    once: read.once,
    account: read.base.href,
    records: { finds: true, sentMs: LATE },
    settlesOnce: true,

    async pay({ paymentRequest }, { maxFeeMsat, signal }, entry) {
      const { answer, body, error } = await ask(
        "pay",
        { bolt11: paymentRequest, maxfee: maxFeeMsat, retry_for: RETRY_SECONDS },
        signal,
      );
      if (answer.status === 201) {
        entry.known = true;
        if (body.status === "complete" || preimageOf(body.payment_preimage))
          return proofOf("cln", body.payment_preimage, difference(body.amount_sent_msat, body.amount_msat));
      } else if (answer.turnedAway || error.code === -32601 || error.code === -32602) {
        return { failed: answer.say("refused", error.message ?? error.text) };
      }
      if (typeof error.code === "number") {
        entry.ended = true;
        throw new Error(answer.say("gave up, though not yet on every part", `${error.code}, ${error.message}`));
      }
      throw new Error(answer.say("did not say what became of the payment", error.message ?? error.text ?? body.status));
    },

    async find(paymentHash, signal) {
      const { answer, body, error } = await ask("listpays", { payment_hash: paymentHash }, signal);
      if (answer.status !== 201 || !Array.isArray(body.pays))
        throw new Error(answer.say("does not look payments up", error.message ?? error.text));
      const pays = (body.pays as Json[]).filter((pay) => pay?.payment_hash === paymentHash);
      const paid = pays.find((pay) => pay.status === "complete");
      if (paid)
        return {
          state: "paid",
          ...proofOf("cln", paid.preimage, difference(paid.amount_sent_msat, paid.amount_msat)),
        };
      if (pays.length === 0) return { state: "not_found" };
      if (pays.some((pay) => pay.status !== "failed")) return { state: "pending" };
      // The record has whole seconds. This is the last millisecond of that second.
      const begunAt = Math.max(...pays.map((pay) => Math.floor(pay.created_at) * 1000 + 999));
      return { state: "failed", ...(begunAt > 0 && { begunAt }) };
    },

    async make({ amountMsat, description, expirySeconds }, signal) {
      const order = {
        amount_msat: amountMsat ?? "any",
        // It must be unique. A page without https has no `randomUUID`.
        label: `l402-fetch-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`,
        description,
        expiry: expirySeconds,
      };
      const { answer, body, error } = await ask("invoice", order, signal);
      if (!isInvoice(body.bolt11))
        throw new Error(answer.say(`made no invoice${hint(answer)}`, error.message ?? error.text));
      return body.bolt11;
    },

    async came(paymentHash, signal) {
      const { answer, body, error } = await ask("listinvoices", { payment_hash: paymentHash }, signal);
      const [invoice] = Array.isArray(body.invoices) ? body.invoices : [{}];
      if (!invoice) return null;
      const { payment_hash, status, amount_received_msat } = invoice;
      const came = status === "paid" ? msat(amount_received_msat) : status ? 0 : undefined;
      if (came === undefined || payment_hash !== paymentHash)
        throw new Error(answer.say(`does not look invoices up${hint(answer)}`, error.message ?? error.text));
      return came;
    },
  });

  return {
    ...wallet,
    async balanceMsat() {
      const { answer, body, error } = await ask("listpeerchannels", {});
      if (answer.status !== 201 || !Array.isArray(body.channels))
        throw new Error(answer.say("does not tell its balance", error.message ?? error.text));
      const open = (body.channels as Json[]).filter((channel) => channel?.state === "CHANNELD_NORMAL");
      return open.reduce((sum, channel) => sum + (msat(channel.spendable_msat) ?? 0), 0);
    },
  };
}

/** What to do about an error that the documented rune of a wallet without sessions gets. */
const hint = ({ status }: Answer) =>
  status === 401 || status === 403 ? ": its rune must allow invoice and listinvoices" : "";

/** The fee: the difference between the amount that was sent and the amount that arrived. NaN if one is missing. */
const difference = (sent: unknown, arrived: unknown) => (msat(sent) ?? NaN) - (msat(arrived) ?? NaN);
