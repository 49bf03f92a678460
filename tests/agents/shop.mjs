// A shop in this process, at which everything costs 10 sat, and a fetch that pays there.
import assert from "node:assert/strict";
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

/** The results of two fetches of the weather: the first has paid, once, and the second has used what it bought. */
export async function assertBoughtOnce(outputs, { pay, payments }) {
  assert.deepEqual(
    outputs.map(({ paid_sats, untrusted_content }) => [paid_sats, untrusted_content.body]),
    [
      [10, "sunny"],
      [0, "sunny"],
    ],
  );
  assert.equal(payments(), 1);
  assert.deepEqual((await pay.spent()).total, 10);
}
