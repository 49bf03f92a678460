import { createFetch } from "l402-fetch";

const { base, shop } = Object.fromEntries(new URLSearchParams(location.search));
const { fetch } = globalThis;
globalThis.fetch = createFetch({
  wallet: async ({ paymentRequest }) =>
    (await fetch(`${base}/wallet/${shop}/pay`, { method: "POST", body: paymentRequest })).json(),
  limits: { perPayment: 20 },
  networks: ["regtest"],
});
const { status } = await globalThis.fetch(`${base}/shop/${shop}/thing?price=10`);
globalThis.results = { status };
