// The shop that users test with, as cases open it.
import { testShop } from "l402-fetch/testing";

/** What the tests buy. */
export const URL = "https://api.example.com/weather";
export const PROTOCOLS = ["l402", "lsat", "mpp", "x402"];

/** A shop, and a fetch that pays there. */
export function open(t, options, more = {}) {
  const { shop, ...world } = testShop(options);
  const events = [];
  const onEvent = (event) => events.push(event.type);
  const client = (other) => t.pkg.createFetch({ ...world, limits: { perPayment: 100 }, onEvent, ...more, ...other });
  return { ...world, shop, events, client, pay: client() };
}

/** Asserts what came of calls: the answers, the payments, the orders, and how often tokens were shown. */
export function counts(t, { shop, wallet }, expected) {
  const found = {
    statuses: shop.requests.map(({ status }) => status),
    payments: shop.payments.length,
    orders: wallet.orders,
    shown: shop.payments.map(({ shown }) => shown),
    opened: shop.payments.map(({ opened }) => opened),
  };
  t.same(found, expected);
}
