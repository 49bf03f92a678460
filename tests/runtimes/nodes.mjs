// Wallets' HTTP APIs on one server, for every runtime: `/SHOP/HOW/…`, where the paywall's wallet of that shop pays,
// well or badly as HOW says. All their answers are tried in tests/wallets; here it is about each runtime's fetch and
// streams.
import { cut, endless, json, openStandIn, page, redirect, text, truncated } from "../wallets/stand-in.mjs";

const ZEROS = "0".repeat(64);
const base64 = (hex) => Buffer.from(hex, "hex").toString("base64");
const allowed = (answer) => (response) => {
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader(
    "access-control-allow-headers",
    "content-type, accept, authorization, grpc-metadata-macaroon, rune, x-api-key",
  );
  answer(response);
};

/** What each API says of a payment that was made, and how it is asked for one. */
const APIS = {
  "/v2/router/send": {
    invoice: (body) => JSON.parse(body).payment_request,
    paid: (preimage) => json(200, { result: { status: "SUCCEEDED", payment_preimage: preimage, fee_msat: "2000" } }),
  },
  "/v1/pay": {
    invoice: (body) => JSON.parse(body).bolt11,
    paid: (preimage) =>
      json(201, { status: "complete", payment_preimage: preimage, amount_msat: 10_000, amount_sent_msat: 12_000 }),
  },
  "/payinvoice": {
    invoice: (body) => new URLSearchParams(body).get("invoice"),
    paid: (preimage) => json(200, { paymentPreimage: preimage, routingFeeSat: 2 }),
  },
  "/api/v1/payments": {
    invoice: (body) => JSON.parse(body).bolt11,
    paid: (preimage) => json(201, { status: "success", preimage, fee: -2000 }),
  },
};

/** How a payment goes: made or not, and what is answered. */
const WAYS = {
  good: async (settle, paid) => paid(await settle()),
  base64: async (settle, paid) => paid(base64(await settle())),
  failed: () =>
    json(200, { result: { status: "FAILED", failure_reason: "FAILURE_REASON_NO_ROUTE", payment_preimage: ZEROS } }),
  slow: async (settle) => {
    const line = JSON.stringify({
      result: { status: "SUCCEEDED", payment_preimage: await settle(), fee_msat: "2000" },
    });
    const first = `${JSON.stringify({ result: { status: "IN_FLIGHT" } })}\n${line.slice(0, 30)}`;
    // the line comes in pieces, and the stream has no end
    return (response) => {
      endless(200, first)(response);
      setImmediate(() => response.write(`${line.slice(30)}\n`));
    };
  },
  cut: (settle) => settle().then(cut),
  truncated: (settle) => settle().then(() => truncated(200, '{"result":{"status":"SUCC')),
  page: (settle) => settle().then(() => page(200)),
  // what sends it again is turned away, though the first was carried out
  twice: (settle, _paid, times) => (times > 1 ? text(429, "slow down") : settle().then(cut)),
  hangs: (settle) => settle().then(() => endless(200, '{"result":')),
};

/** Resolves with the URL, how often `/away` was asked for, and a `close()`. */
export async function openNodes({ base }) {
  const server = await openStandIn();
  // Chromium, Firefox and Deno send a POST again where a connection that was kept breaks. A node pays an invoice once.
  const paid = new Map();
  const asked = new Map();
  const settle = (shop, invoice) => {
    if (!paid.has(invoice))
      paid.set(
        invoice,
        wallet(shop, "pay?fee=2000", { method: "POST", body: invoice }).then(({ preimage }) => preimage),
      );
    return paid.get(invoice);
  };
  const wallet = async (shop, path, init) => (await fetch(`${base}/wallet/${shop}/${path}`, init)).json();
  const answer = async ({ method, path, body }) => {
    const [, shop, how, rest] = /^\/([^/]+)\/(\w+)(\/[^?]*)/.exec(path) ?? [];
    if (method === "OPTIONS") return text(204, "");
    if (path === "/away") return text(200, "");
    if (how === "redirect") return redirect("/away");
    if (rest in APIS) {
      const { invoice, paid } = APIS[rest];
      const times = (asked.get(body) ?? 0) + 1;
      asked.set(body, times);
      return WAYS[how](() => settle(shop, invoice(body)), paid, times);
    }
    if (rest === "/v1/balance/channels") return json(200, { local_balance: { msat: "980500" } });
    const hash = Buffer.from(rest?.match(/^\/v2\/router\/track\/(.*)$/)?.[1] ?? "", "base64url").toString("hex");
    const { state, preimage } = await wallet(shop, `lookup/${hash}`);
    if (state === "paid") return APIS["/v2/router/send"].paid(preimage);
    return json(404, { error: { code: 5, message: "payment isn't initiated" } });
  };
  for (const method of ["GET", "POST", "OPTIONS"])
    server.on(`${method} *`, async (request) => allowed(await answer(request)));
  server.on("GET /strays", () =>
    allowed(json(200, { count: server.seen.filter(({ path }) => path === "/away").length })),
  );
  return server;
}
