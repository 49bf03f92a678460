// Pays for what the pages under it fetch: they know nothing of it.
import * as pkg from "l402-fetch/inline";

const fetch = globalThis.fetch;
const { base, shop } = Object.fromEntries(new URL(globalThis.location.href).searchParams);
const pay = pkg.createFetch({
  wallet: async ({ paymentRequest }) =>
    (await fetch(`${base}/wallet/${shop}/pay`, { method: "POST", body: paymentRequest })).json(),
  limits: { perPayment: 20 },
  networks: ["regtest"],
});

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (event.request.url.startsWith(`${base}/shop/`)) event.respondWith(pay(event.request));
});
