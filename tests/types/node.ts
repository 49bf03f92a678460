// A program for Node, Deno or Bun: no DOM types, only @types/node.
import { createFetch, L402Error } from "../../dist/index.js";

const pay = createFetch({
  wallet: async (invoice) => invoice.paymentHash,
  limits: { perPayment: 1 },
  fetch: globalThis.fetch,
});
globalThis.fetch = pay;
const response = await pay(new URL("https://a.b"), {
  method: "POST",
  body: Buffer.from("x"),
  signal: AbortSignal.timeout(1),
});
const status: number = response.status;
await pay(new Request("https://a.b"));
// @ts-expect-error not any: a number is no URL
await pay(status);
// @ts-expect-error not any: no such member
response.nonsense;
console.log(new L402Error("declined", "x", { response }).response?.headers.get("a"));
