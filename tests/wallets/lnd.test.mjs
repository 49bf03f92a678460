import { endless, huge, json, page, redirect, silent, text, truncated, cut } from "./stand-in.mjs";
import { suite } from "./suite.mjs";

const ZEROS = "0".repeat(64);
const hex = (base64) => Buffer.from(base64, "base64url").toString("hex");

/** As lnd 0.21.2 sends it. */
const result = (fields) => json(200, { result: { payment_hash: "", value: "10", creation_date: "1790000000", fee: "2", payment_preimage: ZEROS, value_sat: "10", value_msat: "10000", payment_request: "", fee_sat: "0", fee_msat: "0", creation_time_ns: "0", htlcs: [], payment_index: "1", failure_reason: "FAILURE_REASON_NONE", ...fields } });
const succeeded = ({ preimage, feeMsat, hash }) => result({ status: "SUCCEEDED", payment_hash: hash, payment_preimage: preimage, fee_msat: String(feeMsat), fee_sat: "2" });
const failed = (reason) => result({ status: "FAILED", failure_reason: reason });
const nested = (status, code, message) => json(status, { error: { code, message, details: [] } });
const flat = (status, code, message) => json(status, { code, message, details: [] });

export const kit = {
  name: "lnd",
  secret: "0201036c6e640000aabbccddeeff",
  routes: { pay: "POST /v2/router/send", find: "GET /v2/router/track/*", balance: "GET /v1/balance/channels" },
  options: (url) => ({ url, macaroon: kit.secret }),
  invoice: ({ body }) => JSON.parse(body).payment_request,
  hash: ({ path }) => hex(path.split("/").pop()),
  paid: succeeded,
  found: {
    paid: succeeded,
    pending: () => result({ status: "IN_FLIGHT" }),
    failed: () => failed("FAILURE_REASON_NO_ROUTE"),
    none: () => nested(404, 5, "payment isn't initiated"),
  },
};

suite(kit, {
  "SUCCEEDED": { pay: async ({ settle }) => succeeded(await settle()), lookups: 0 },
  "FAILED, with a preimage of zeros": { pay: () => failed("FAILURE_REASON_NO_ROUTE"), code: "payment_failed", says: "lnd gave up: no route", lookups: 0 },
});
