// LND over its REST API, measured on lnd 0.21.2. What its answers mean:
//
// | `POST /v2/router/send`                                           | counts as                             |
// |------------------------------------------------------------------|---------------------------------------|
// | 200, `result.status` SUCCEEDED with a preimage                   | paid                                  |
// | 200, SUCCEEDED without one (64 zeros are none)                   | known to lnd: looked up               |
// | 200, FAILED, whatever preimage of zeros stands beside it         | failed                                |
// | 200 that ends or breaks off before one of these                  | unknown: looked up                    |
// | 409, code 6: payment is in transition, invoice is already paid   | known to lnd: looked up               |
// | 500: invoice expired, wrong network, permission denied, macaroon | failed: refused before anything moved |
// |   not verified, wallet locked, still starting                    |                                       |
// | any other error, 502, 503, 504, no answer                        | unknown: looked up                    |
// | 3xx, 401, 403, 404, 405, 413, 429: turned away                   | failed                                |
//
// | `GET /v2/router/track/HASH`, first line, at most 8 s | counts as                                   |
// |------------------------------------------------------|---------------------------------------------|
// | SUCCEEDED with a preimage                            | paid                                        |
// | FAILED                                               | failed, with the time at which it was begun |
// | IN_FLIGHT, INITIATED                                 | pending                                     |
// | 404, code 5, payment isn't initiated                 | not found                                   |
// | anything else, or silence                            | no answer                                   |
//
// | `POST /v1/invoices`                | counts as                                       |
// |------------------------------------|-------------------------------------------------|
// | 200 with `payment_request`         | the invoice                                     |
// | anything else                      | none, with lnd's own words                      |
//
// | `GET /v1/invoice/HASH`             | counts as                                       |
// |------------------------------------|-------------------------------------------------|
// | `state` SETTLED                    | `amt_paid_msat`                                 |
// | any other state (ACCEPTED is held) | 0                                               |
// | 404, code 5                        | no invoice of this node: it can't tell          |
// | anything else                      | an error                                        |
//
// A payment is in lnd's records before its first attempt, and is shown as in flight between attempts. lnd pays an
// invoice only once.
import type { Wallet } from "../core/wallet.js";
import { toBase64 } from "./base64.js";
import { isInvoice, msat, OVERTAKEN, proofOf, withRecords } from "./records.js";
import { type Answer, connect, type Json, readOptions } from "./http.js";

// The time in which lnd makes new attempts. An attempt that is on its way may take longer.
const ATTEMPTS_SECONDS = 60;

/** Messages that lnd sends before it looks at its payments. */
const REFUSED =
  /^(invoice expired|invoice not for current active network|permission denied|verification failed|expected 1 macaroon|empty macaroon|cannot determine data format|unmarshal v[12]|wallet locked|wallet not created|waiting to start|the RPC server is in the process of starting)/;

/** The options of `lnd()`. */
export interface LndOptions {
  /**
   * The URL of the REST API: `https://127.0.0.1:8080`. It is https, or http on this machine, to Tor, or with
   * `insecure`. A path before the API's own is kept.
   */
  url: string;
  /**
   * In hex. It needs `offchain:write` and `offchain:read`, or only the calls that docs/wallets/lnd.md names. It is
   * sent to the origin of `url` only, and shown nowhere.
   */
  macaroon: string;
  /** The function that sends the requests. Default: the global `fetch` at that moment. */
  fetch?: typeof globalThis.fetch;
  /** Allows plain http to other machines. Anyone on the way can then take the credential and spend with it. */
  insecure?: boolean;
}

/**
 * A wallet that pays with an LND node, over its REST API. It passes the fee cap on. An interrupted payment is looked up
 * in the node's own records. A page can use a node that was started with `--restcors`.
 *
 * @throws {L402Error} `invalid_options`, which names the key
 */
export function lnd(options: LndOptions): Wallet {
  const read = readOptions(
    "lnd",
    options,
    "macaroon",
    /^([0-9a-f]{2})+$/i,
    "the macaroon file in hex (xxd -p -c 9999 FILE)",
  );
  const call = connect("lnd", read, { "grpc-metadata-macaroon": read.secret });

  const wallet = withRecords("lnd", {
    once: read.once,
    account: read.base.href,
    records: { finds: true, errorMs: OVERTAKEN },
    settlesOnce: true,

    async pay({ paymentRequest }, { maxFeeMsat, signal }, entry) {
      const body = {
        payment_request: paymentRequest,
        timeout_seconds: ATTEMPTS_SECONDS,
        fee_limit_msat: String(maxFeeMsat),
        no_inflight_updates: true,
      };
      const answer = await call("/v2/router/send", { body, signal });
      let error: Json;
      if (answer.status === 200) {
        for await (const line of answer.lines()) {
          if (line.error) {
            error = line.error;
            break;
          }
          const { status, payment_preimage, fee_msat, failure_reason } = line.result ?? {};
          if (status === "FAILED") return { failed: `lnd gave up: ${reason(answer.quote(failure_reason))}` };
          if (status !== undefined) entry.known = true;
          if (status === "SUCCEEDED") return proofOf("lnd", payment_preimage, fee_msat);
        }
        if (!error) throw new Error(answer.say("ended its answer before the payment"));
      } else {
        const problem = await answer.problem();
        error = problem.error ?? problem;
      }
      const said = answer.say("refused", error.message ?? error.text);
      if (answer.turnedAway || REFUSED.test(error.message)) return { failed: said };
      if (error.code === 6) entry.known = true;
      throw new Error(answer.say("did not say what became of the payment", error.message ?? error.text));
    },

    async find(paymentHash, signal) {
      const answer = await call(`/v2/router/track/${base64url(paymentHash)}`, { signal });
      if (answer.status === 404) {
        const problem = await answer.problem();
        const { code, message } = problem.error ?? problem;
        if (code === 5 && /payment isn't initiated/.test(message)) return { state: "not_found" };
      }
      if (answer.status !== 200)
        throw new Error(answer.say("does not look payments up", (await answer.problem()).message));
      for await (const { result, error } of answer.lines()) {
        const { status, payment_preimage, fee_msat, creation_time_ns } = result ?? {};
        if (status === "SUCCEEDED") return { state: "paid", ...proofOf("lnd", payment_preimage, fee_msat) };
        if (status === "FAILED")
          return { state: "failed", ...(creation_time_ns > 0 && { begunAt: Math.floor(creation_time_ns / 1e6) }) };
        if (status === "IN_FLIGHT" || status === "INITIATED") return { state: "pending" };
        throw new Error(answer.say("does not look payments up", error?.message));
      }
      throw new Error(answer.say("ended its answer before it said anything"));
    },

    async make({ amountMsat, description, expirySeconds }, signal) {
      // Without the hints of `private`, nobody finds a way to a node that has private channels only.
      const body = { value_msat: amountMsat ?? 0, memo: description, expiry: expirySeconds, private: true };
      const answer = await call("/v1/invoices", { body, signal });
      const { payment_request, message, text } = await bodyOf(answer);
      if (!isInvoice(payment_request)) throw new Error(answer.say(`made no invoice${hint(message)}`, message ?? text));
      return payment_request;
    },

    async came(paymentHash, signal) {
      const answer = await call(`/v1/invoice/${paymentHash}`, { signal });
      const { state, amt_paid_msat, code, message, text } = await bodyOf(answer);
      if (answer.status === 404 && code === 5) return null;
      const came = state === "SETTLED" ? msat(amt_paid_msat) : state ? 0 : undefined;
      if (came === undefined) throw new Error(answer.say(`does not look invoices up${hint(message)}`, message ?? text));
      return came;
    },
  });

  return {
    ...wallet,
    async balanceMsat() {
      const answer = await call("/v1/balance/channels");
      const body = await bodyOf(answer);
      const balance = msat(body.local_balance?.msat);
      if (balance === undefined) throw new Error(answer.say("does not tell its balance", body.message ?? body.text));
      return balance;
    },
  };
}

/** The body of an answer that is not a stream: what was asked for, or an error. */
const bodyOf = (answer: Answer): Promise<Json> => (answer.status === 200 ? answer.json() : answer.problem());

/** What to do about an error that the documented macaroon of a wallet without sessions gets. */
const hint = (message: unknown) =>
  /^permission denied/.test(String(message)) ? ": its macaroon must allow AddInvoice and LookupInvoice" : "";

/** FAILURE_REASON_NO_ROUTE as "no route". */
function reason(name: string) {
  return (
    name
      .replace(/^FAILURE_REASON_/, "")
      .replaceAll("_", " ")
      .toLowerCase()
      .slice(0, 60) || "for no reason that it tells"
  );
}

/** A hash in the form that lnd expects in a path. */
function base64url(hex: string) {
  const bytes = Array.from({ length: hex.length / 2 }, (_, index) => parseInt(hex.slice(2 * index, 2 * index + 2), 16));
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_");
}
