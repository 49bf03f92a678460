// Core Lightning over clnrest. No node could be had: all of this is from its documentation and its sources (24.11 to
// 25.x).
//
// | `POST /v1/pay`                                              | taken for                                        |
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
// | `POST /v1/listpays`, at most 8 s    | taken for                                         |
// |-------------------------------------|---------------------------------------------------|
// | any entry complete, with a preimage | paid                                              |
// | any entry pending                   | pending                                           |
// | every entry failed                  | failed, with the time at which the last was begun |
// | no entry                            | not found                                         |
// | anything else, or silence           | no answer                                         |
//
// A command whose answer was lost may still make new attempts, and between two of them every entry says failed: for 70
// s from when it was sent neither that nor "not found" is certain.
import type { Wallet } from "../core/wallet.js";
import { msat, preimageOf, proofOf, withRecords } from "./records.js";
import { connect, type Json, readOptions } from "./http.js";

// For how long the node looks for routes and makes new attempts. Between two of them its records say failed.
const RETRY_SECONDS = 60;
const LATE = (RETRY_SECONDS + 10) * 1000;

/** The options of `cln()`. */
export interface ClnOptions {
  /**
   * Of clnrest: `https://127.0.0.1:3010`. https, or http on this machine, to Tor, or with `insecure`. A path before the
   * API's own is kept.
   */
  url: string;
  /**
   * Must allow `pay`, `listpays`, and `listpeerchannels` for the balance. It is sent to that origin only, and shown
   * nowhere.
   */
  rune: string;
  /** What sends the requests. Default: the global one of the moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Whoever is on the way can then take the credential, and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with a Core Lightning node, over clnrest. It passes the fee cap on, and an interrupted payment is
 * looked up in the node's own records; while a `pay` whose answer was lost may still be trying, that is for 70 s, it
 * counts as pending.
 *
 * @throws {L402Error} `invalid_options`, naming the key
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
      // Whole seconds: the last millisecond that they may mean.
      const begunAt = Math.max(...pays.map((pay) => Math.floor(pay.created_at) * 1000 + 999));
      return { state: "failed", ...(begunAt > 0 && { begunAt }) };
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

/** The fee: what was sent beyond what arrived. NaN, which is none, where either is missing. */
const difference = (sent: unknown, arrived: unknown) => (msat(sent) ?? NaN) - (msat(arrived) ?? NaN);
