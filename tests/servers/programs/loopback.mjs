// What the servers in JavaScript share: a way to serve on a port that the system picks, invoices, and a clock.
// NODE names the fake node. A server prints its address once it listens. `GET /-later?SECONDS` moves its clock on.
import { createServer } from "node:http";
import { listen } from "../../support/listen.mjs";

export const PRICE = 10;

const Real = Date;
let ahead = 0;
globalThis.Date = class extends Real {
  constructor(...args) {
    super(...(args.length > 0 ? args : [Real.now() + ahead]));
  }
  static now() {
    return Real.now() + ahead;
  }
};

/** A new invoice of the node, asked for as phoenixd is: its payment hash in hex, and its text. */
export async function invoice(sats) {
  const body = new URLSearchParams({ amountSat: String(sats), description: "weather" });
  const response = await fetch(`${process.env.NODE}/createinvoice`, { method: "POST", body });
  const { paymentHash, serialized } = await response.json();
  return { paymentHash, paymentRequest: serialized };
}

/** What became of an invoice of the node, as lnd tells it. */
export const lookup = async (hash) => (await fetch(`${process.env.NODE}/v1/invoice/${hash}`)).json();

/** Serves with a handler of node:http, until the program is killed. */
export async function serve(handler) {
  const server = createServer((request, response) => {
    const [path, query] = request.url.split("?");
    if (path !== "/-later") return handler(request, response);
    ahead += Number(query) * 1000;
    response.writeHead(204).end();
  });
  const { url } = await listen(server);
  console.log(`listening on ${url}`);
}
