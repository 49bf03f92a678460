// Many origins that sell, and the wallet that all buyers share. The wallet's own ledger is the truth.
import { createServer } from "node:http";
import { bodyOf, listen } from "../support/listen.mjs";
import { openSeller } from "../support/seller.mjs";

const PRICE_MSAT = 10_000;
const MOST_FEE_MSAT = 3_000;
/** One of so many orders fails for certain. */
const FAILS = 50;

/**
 * Opens so many origins. `moment(name, buyer)` is called at each moment of an order: "asked", "paid" and "answered".
 * More than `limitMsat` must never be spent, and for no resource twice: `faults` tells where it was.
 */
export async function openMarket({ origins, limitMsat, moment }) {
  /** By payment hash. */
  const orders = new Map();
  const bought = new Set();
  const faults = [];
  let spentMsat = 0;
  let asked = 0;

  const seller = openSeller({ sold: (hash, preimage, url) => orders.set(hash, { preimage, url, state: "not_found" }) });
  async function sell(request, response) {
    const answer = await seller.fetch(`http://${request.headers.host}${request.url}`, { headers: request.headers });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  }

  /** Pays a hash once: whoever asks again gets the same proof. One that failed is tried anew. */
  function settle(order, maxFeeMsat) {
    if (order.state === "paid") return;
    order.state = order.state === "not_found" && asked % FAILS === 0 ? "failed" : "paid";
    if (order.state === "failed") return;
    order.feeMsat = Math.min(asked % MOST_FEE_MSAT, maxFeeMsat);
    spentMsat += PRICE_MSAT + order.feeMsat;
    if (spentMsat > limitMsat) faults.push(`${spentMsat} msat were spent, beyond ${limitMsat}`);
    if (bought.has(order.url)) faults.push(`${order.url} was paid twice`);
    bought.add(order.url);
  }
  const tell = ({ state, preimage, feeMsat }) =>
    JSON.stringify(state === "paid" ? { state, preimage, feeMsat } : { state });

  const wallet = async (request, response) => {
    const [, verb, hash, buyer] = request.url.split("/");
    const order = orders.get(hash);
    if (verb === "lookup") return response.end(tell(order));
    const { maxFeeMsat } = JSON.parse(await bodyOf(request));
    asked++;
    moment("asked", buyer);
    settle(order, maxFeeMsat);
    moment("paid", buyer);
    response.end(tell(order), () => moment("answered", buyer));
  };

  const servers = [wallet, ...Array(origins).fill(sell)].map((answer) => listen(createServer(answer)));
  const [{ url }, ...shops] = await Promise.all(servers);
  return {
    wallet: url,
    origins: shops.map((shop) => shop.url),
    faults,
    /** The hashes that were paid. */
    paid: () => [...orders].filter(([, { state }]) => state === "paid").map(([hash]) => hash),
    spentMsat: () => spentMsat,
    close: async () => void (await Promise.all((await Promise.all(servers)).map((server) => server.close()))),
  };
}
