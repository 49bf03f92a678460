// phoenixd over its HTTP API, from its documentation and its sources (0.9). It was not measured on a phoenixd.
//
// | `POST /payinvoice`                                 | counts as                                       |
// |----------------------------------------------------|-------------------------------------------------|
// | 200 with `paymentPreimage`                         | paid                                            |
// | 200 with `recipientAmountSat` alone                | known to phoenixd: looked up                    |
// | 200 with `reason`: already paid, or in progress    | known to phoenixd: looked up                    |
// | 200 with `reason`: unknown error, wallet restarted | unknown: looked up                              |
// | 200 with any other `reason`                        | failed: it answers when every attempt has ended |
// | 400: it could not read the invoice                 | failed                                          |
// | 3xx, 401, 403, 404, 405, 413, 429: turned away     | failed                                          |
// | any other status, no answer                        | unknown: looked up                              |
//
// | `GET /payments/outgoingbyhash/HASH`, at most 8 s            | counts as |
// |-------------------------------------------------------------|-----------|
// | `preimage`                                                  | paid      |
// | `isPaid: false` with `completedAt`                          | failed    |
// | `isPaid: false` without `completedAt`                       | pending   |
// | 204, or 404 with the text "Not found"                       | not found |
// | 404 with any other text (an older phoenixd), anything else, | no answer |
// |   or silence                                                |           |
//
// | `POST /createinvoice`              | counts as                                       |
// |------------------------------------|-------------------------------------------------|
// | 200 with `serialized`              | the invoice                                     |
// | anything else                      | none, with phoenixd's own words                 |
//
// | `GET /payments/incoming/HASH`      | counts as                                       |
// |------------------------------------|-------------------------------------------------|
// | 200 with `receivedSat` and `fees`  | their sum; both are 0 until it is paid          |
// | 204, 404                           | no invoice of this wallet: it can't tell        |
// | anything else                      | an error                                        |
//
// A payment is in phoenixd's records before its first attempt. If there were several attempts at one hash, the lookup
// shows the best one.
import type { Wallet } from "../core/wallet.js";
import { toBase64 } from "./base64.js";
import { isInvoice, msat, OVERTAKEN, proofOf, satOf, withRecords } from "./records.js";
import { connect, readOptions } from "./http.js";

/** The options of `phoenixd()`. */
export interface PhoenixdOptions {
  /**
   * The URL of phoenixd: `http://127.0.0.1:9740`. It is https, or http on this machine, to Tor, or with `insecure`. A
   * path before the API's own is kept.
   */
  url: string;
  /**
   * `http-password` of phoenix.conf, not the one for limited access. It is sent to the origin of `url` only, and shown
   * nowhere.
   */
  password: string;
  /** The function that sends the requests. Default: the global `fetch` at that moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Anyone on the way can then take the credential and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with phoenixd. phoenixd takes no fee cap. Its provider sets the fee: 4 sat and 0.4% in version
 * 0.9. An interrupted payment is looked up in its own records.
 *
 * @throws {L402Error} `invalid_options`, which names the key
 */
export function phoenixd(options: PhoenixdOptions): Wallet {
  const read = readOptions("phoenixd", options, "password", /^[^\0-\x1f\x7f]+$/, "the http-password of phoenix.conf");
  const call = connect("phoenixd", read, {
    authorization: `Basic ${toBase64(new TextEncoder().encode(`:${read.secret}`))}`,
  });

  const wallet = withRecords("phoenixd", {
    once: read.once,
    account: read.base.href,
    records: { finds: true, errorMs: OVERTAKEN },
    settlesOnce: true,

    async pay({ paymentRequest }, { signal }, entry) {
      const answer = await call("/payinvoice", { body: new URLSearchParams({ invoice: paymentRequest }), signal });
      const body = answer.status === 200 ? await answer.json() : await answer.problem();
      if (answer.turnedAway || answer.status === 400) return { failed: answer.say("refused", body.text) };
      if (answer.status === 200) {
        const { paymentPreimage, recipientAmountSat, routingFeeSat, reason } = body;
        if (paymentPreimage || recipientAmountSat !== undefined) {
          entry.known = true;
          return proofOf("phoenixd", paymentPreimage, routingFeeSat * 1000);
        }
        if (typeof reason === "string") {
          if (/already been paid|in progress/.test(reason)) entry.known = true;
          else if (!/unknown error|wallet restarted/.test(reason))
            return { failed: `phoenixd gave up: ${answer.quote(reason)}` };
        }
      }
      throw new Error(answer.say("did not say what became of the payment", body.reason ?? body.text));
    },

    async find(paymentHash, signal) {
      const answer = await call(`/payments/outgoingbyhash/${paymentHash}`, { signal });
      if (answer.status === 204) return { state: "not_found" };
      const body = answer.status === 200 ? await answer.json() : await answer.problem();
      if (answer.status === 404 && body.text?.trim() === "Not found") return { state: "not_found" };
      const { isPaid, preimage, fees, completedAt, createdAt } = body;
      if (answer.status !== 200 || typeof isPaid !== "boolean")
        throw new Error(answer.say("does not look payments up", body.text));
      // An older phoenixd also calls a failed payment paid, once it is over. Only the preimage tells.
      if (isPaid || preimage) return { state: "paid", ...proofOf("phoenixd", preimage, fees) };
      return completedAt ? { state: "failed", begunAt: createdAt } : { state: "pending" };
    },

    async make({ amountMsat, description, expirySeconds }, signal) {
      const order = new URLSearchParams({ description, expirySeconds: String(expirySeconds) });
      if (amountMsat !== null) order.set("amountSat", String(satOf("phoenixd", amountMsat)));
      const answer = await call("/createinvoice", { body: order, signal });
      const { serialized, text } = await (answer.status === 200 ? answer.json() : answer.problem());
      if (!isInvoice(serialized)) throw new Error(answer.say("made no invoice", text));
      return serialized;
    },

    async came(paymentHash, signal) {
      const answer = await call(`/payments/incoming/${paymentHash}`, { signal });
      if (answer.status === 204 || answer.status === 404) return null;
      const { receivedSat, fees, text } = await (answer.status === 200 ? answer.json() : answer.problem());
      // phoenixd has taken off what its provider takes for liquidity. The payer has paid that, too.
      const came = msat(receivedSat * 1000 + fees);
      if (came === undefined) throw new Error(answer.say("does not look invoices up", text));
      return came;
    },
  });

  return {
    ...wallet,
    async balanceMsat() {
      const answer = await call("/getbalance");
      const body = answer.status === 200 ? await answer.json() : await answer.problem();
      const balance = msat(body.balanceSat * 1000);
      if (balance === undefined) throw new Error(answer.say("does not tell its balance", body.text));
      return balance;
    },
  };
}
