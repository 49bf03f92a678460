// Paid requests beside the same done by hand, in turns: `bench.js PLACE START` prints milliseconds as one line of JSON.
// START is when there was nothing yet.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";

const ROUNDS = 50;

const [place, start] = process.argv.slice(2);
const { plain, node } = JSON.parse(place);
const url = `${plain}/weather`;

/** A client of its own for each, so that each pays. */
async function withPackage() {
  const pay = pkg.createFetch({ wallet: lnd(node), limits: { perPayment: 100 }, networks: ["regtest"] });
  return (await pay(url)).json();
}

async function byHand() {
  const first = await fetch(url);
  const challenge = first.headers.get("www-authenticate");
  const [, macaroon] = /macaroon="([^"]+)"/.exec(challenge);
  const [, invoice] = /invoice="([^"]+)"/.exec(challenge);
  await first.body?.cancel();
  const paid = await fetch(`${node.url}/v2/router/send`, {
    method: "POST",
    headers: { "grpc-metadata-macaroon": node.macaroon },
    body: JSON.stringify({
      payment_request: invoice,
      timeout_seconds: 60,
      fee_limit_msat: "5000",
      no_inflight_updates: true,
    }),
  });
  const { result } = await paid.json();
  const second = await fetch(url, { headers: { authorization: `L402 ${macaroon}:${result.payment_preimage}` } });
  return second.json();
}

async function time(task) {
  const begin = performance.now();
  const { bought } = await task();
  if (!bought) throw new Error("nothing was bought");
  return performance.now() - begin;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

await time(withPackage);
const first = Date.now() - Number(start);
await time(byHand);
const [ours, hand] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  ours.push(await time(withPackage));
  hand.push(await time(byHand));
}
console.log(JSON.stringify({ first, ours: median(ours), byHand: median(hand) }));
