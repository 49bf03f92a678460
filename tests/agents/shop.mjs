// A shop in this process, at which everything costs 10 sat, and a fetch that pays there.
import { createFetch } from "../../dist/node.js";
import { openSeller } from "../support/seller.mjs";

export const WEATHER = "https://api.example.com/weather";

/** No name is looked up: no test asks the network. */
export const ALONE = { lookup: async () => [] };

/** `payments()` counts what the wallet has paid. `wallet` may stand before the shop's own. */
export function openShop({ wallet = (own) => own, ...options } = {}) {
  const seller = openSeller();
  const pay = createFetch({
    wallet: wallet(seller.wallet),
    fetch: seller.fetch,
    networks: ["regtest"],
    limits: { perPayment: 100, perDay: 1000 },
    ...options,
  });
  return { pay, payments: seller.payments };
}
