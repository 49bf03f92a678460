// The wallets that the README's examples pay with, each on its own address and in its own words; behind all of them is
// the paywall's wallet. How they fail is tested in tests/wallets.

const json = (value, status = 200) => Response.json(value, { status });
const MSAT = 980_500;
/** One without an amount that lnd made on regtest. */
const INVOICE =
  "lnbcrt1p4s96rhpp50m6a427tvtr73fdwv2xs4gcygu60pv3rpsguaevhzgr6qz8ra2mqdqqcqzzsxqyz5vqsp50a5aaxkaurphth0ayelpazzcwg5xk4jhrts2pm2xxl7659uradys9qxpqysgqadv0s088ahn6hcjejxmhdqfr0rwpsakustd2x4l6xymput7fns9sy2nw6jqmlmudtulpdd004fjpplc50eykke9g6tudeml55gcsktqpw796v6";

/** What the examples read from their environment. */
export const ENVIRONMENT = {
  LND_MACAROON: "0201036c6e64",
  CLN_RUNE: "cnVuZQ==",
  PHOENIXD_PASSWORD: "password",
  LNBITS_ADMIN_KEY: "5dcc1ff0a2b94d7e",
  NWC_URL: `nostr+walletconnect://${"ab".repeat(32)}?relay=wss%3A%2F%2Frelay.example.com&secret=${"cd".repeat(32)}`,
};

/** By origin: functions of a path, what was sent, the headers and `settle(invoice)` that pays. */
export const NODES = {
  async "https://127.0.0.1:8080"(path, body, headers, settle) {
    if (headers.get("grpc-metadata-macaroon") !== ENVIRONMENT.LND_MACAROON)
      return json({ code: 2, message: "permission denied" }, 500);
    if (path === "/v1/balance/channels") return json({ local_balance: { msat: String(MSAT) } });
    if (path === "/v1/invoices") return json({ payment_request: INVOICE });
    if (path.startsWith("/v1/invoice/")) return json({ state: "OPEN", amt_paid_msat: "0" });
    const { preimage } = await settle(JSON.parse(body).payment_request);
    return json({ result: { status: "SUCCEEDED", payment_preimage: preimage, fee_msat: "0" } });
  },
  async "https://127.0.0.1:3010"(path, body, headers, settle) {
    if (headers.get("rune") !== ENVIRONMENT.CLN_RUNE) return json({ code: 1502, message: "Not permitted" }, 401);
    if (path === "/v1/listpeerchannels")
      return json({ channels: [{ state: "CHANNELD_NORMAL", spendable_msat: MSAT }] }, 201);
    const { preimage } = await settle(JSON.parse(body).bolt11);
    return json({ status: "complete", payment_preimage: preimage, amount_msat: 10_000, amount_sent_msat: 10_000 }, 201);
  },
  async "http://127.0.0.1:9740"(path, body, headers, settle) {
    if (headers.get("authorization") !== `Basic ${btoa(`:${ENVIRONMENT.PHOENIXD_PASSWORD}`)}`)
      return new Response("Invalid authentication", { status: 401 });
    if (path === "/getbalance") return json({ balanceSat: Math.floor(MSAT / 1000), feeCreditSat: 0 });
    const { preimage } = await settle(new URLSearchParams(body).get("invoice"));
    return json({ recipientAmountSat: 10, routingFeeSat: 0, paymentPreimage: preimage });
  },
  async "https://lnbits.example.com"(path, body, headers, settle) {
    if (headers.get("x-api-key") !== ENVIRONMENT.LNBITS_ADMIN_KEY) return json({ detail: "Wallet not found." }, 401);
    if (path === "/api/v1/wallet") return json({ balance: MSAT });
    const { preimage } = await settle(JSON.parse(body).bolt11);
    return json({ status: "success", preimage, fee: 0 }, 201);
  },
};

/** Stands in for @getalby/sdk, which is tried with a relay in tests/wallets. */
export const sdk = (settle) => ({
  NWCClient: class {
    constructor({ nostrWalletConnectUrl }) {
      if (nostrWalletConnectUrl !== ENVIRONMENT.NWC_URL) throw new Error("another connection string");
    }
    payInvoice = async ({ invoice }) => settle(invoice);
    getBalance = async () => ({ balance: MSAT });
    close() {}
  },
});
