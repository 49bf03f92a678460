// `npm run bench`: what a call costs beside raw fetch, in one run. Prints ratios and their spread; asserts nothing.
import { fork } from "node:child_process";
import { once } from "node:events";
import { createFetch, decodeInvoice } from "l402-fetch";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 2000);
const WARM_UP = 300;

const server = fork(new URL("server.mjs", import.meta.url));
const [[origin, ...others]] = await once(server, "message");

/** The wallet finds the preimage in the 402, which a fetch of ours remembers by invoice. */
const preimages = new Map();
async function remember(input, init) {
  const response = await fetch(input, init);
  if (response.status === 402) preimages.set(invoiceOf(response), response.headers.get("x-preimage"));
  return response;
}
const invoiceOf = (response) => /invoice="([^"]+)"/.exec(response.headers.get("www-authenticate"))[1];
const wallet = ({ paymentRequest }) => preimages.get(paymentRequest);
const client = () => createFetch({ wallet, limits: { perPayment: 100 }, networks: ["regtest"], fetch: remember });

/** Two fetches, as a user without a library writes them: no check, no proof, no limit. */
async function byHand(url) {
  const asked = await remember(url);
  const header = asked.headers.get("www-authenticate");
  const preimage = wallet({ paymentRequest: invoiceOf(asked) });
  const token = /macaroon="([^"]+)"/.exec(header)[1];
  await asked.body.cancel();
  return remember(url, { headers: { authorization: `L402 ${token}:${preimage}` } });
}

async function timed(task) {
  const start = performance.now();
  const response = await task();
  await response.text();
  return performance.now() - start;
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const at = (numbers, part) => sorted(numbers)[Math.floor(numbers.length * part)];

/** Takes turns, so that whatever else the machine does falls on both. */
async function compare(name, theirs, ours) {
  const pairs = [];
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const first = i % 2 ? theirs : ours;
    const [a, b] = [await timed(() => first(i)), await timed(() => (first === theirs ? ours : theirs)(i + 0.5))];
    if (i >= WARM_UP) pairs.push(first === theirs ? [a, b] : [b, a]);
  }
  const [raw, own] = [0, 1].map((side) => at(pairs.map((pair) => pair[side]), 0.5));
  const ratios = pairs.map(([their, our]) => our / their);
  const spread = [0.25, 0.75].map((part) => at(ratios, part).toFixed(2)).join(" to ");
  console.log(`${name.padEnd(48)} ${(own * 1000).toFixed(0).padStart(6)} µs  ${(own / raw).toFixed(3)} x   (${(raw * 1000).toFixed(0)} µs; pairs ${spread})`);
}

console.log(`node ${process.version}, ${ROUNDS} pairs each, on loopback: median of ours, ratio of the medians, (theirs; middle half of the pairs)\n`);
const pay = client();
await compare("nothing to pay, beside raw fetch", () => remember(`${origin}/free`), () => pay(`${origin}/free`));

await (await pay(`${origin}/paid`)).text();
const token = await (async () => {
  const asked = await remember(`${origin}/x`);
  return `L402 ${/macaroon="([^"]+)"/.exec(asked.headers.get("www-authenticate"))[1]}:${preimages.get(invoiceOf(asked))}`;
})();
await compare("a token that is reused, beside raw fetch", () => remember(`${origin}/paid`, { headers: { authorization: token } }), () => pay(`${origin}/paid`));

// A client of its own for each call: otherwise the token of the first would open all.
const clients = Array.from({ length: WARM_UP + ROUNDS }, client);
await compare("402, payment, repeat, beside two fetches by hand", () => byHand(`${origin}/bought`), (i) => clients[Math.floor(i)](`${origin}/bought`));

let payments = 0;
const crowd = createFetch({ wallet: (invoice) => (payments++, wallet(invoice)), limits: { perPayment: 100 }, networks: ["regtest"], fetch: remember });
const parallel = async (calls, one) => {
  const start = performance.now();
  await Promise.all(Array.from({ length: calls }, async () => (await one()).text()));
  return performance.now() - start;
};
for (const calls of [1000, 5000]) {
  await crowd.forget();
  payments = 0;
  const raw = await parallel(calls, () => remember(`${others[0]}/free`));
  const own = await parallel(calls, () => crowd(`${others[1]}/crowd`));
  const name = `${calls} parallel calls, beside as many raw ones`;
  console.log(`${name.padEnd(48)} ${own.toFixed(0).padStart(6)} ms  ${(own / raw).toFixed(3)} x   (${raw.toFixed(0)} ms; ours are sent twice)  ${payments} payment`);
}

const { paymentRequest } = (await crowd.quote(`${origin}/quoted`)).invoice;
const start = performance.now();
for (let i = 0; i < 10_000; i++) await decodeInvoice(paymentRequest);
console.log(`${"decodeInvoice".padEnd(48)} ${((performance.now() - start) / 10).toFixed(1).padStart(6)} µs`);
server.disconnect();
