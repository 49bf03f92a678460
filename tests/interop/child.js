// A buyer in a process of its own, which may be killed: `child.js PLACE STORE URL` freezes the seller before it pays.
import * as pkg from "l402-fetch";
import { sqliteStore } from "l402-fetch/stores/sqlite";
import { lnd } from "l402-fetch/wallets/lnd";
import { openMarket } from "./market.js";

const [place, path, url] = process.argv.slice(2);
const market = await openMarket({ pkg, lnd, ...JSON.parse(place) });
const pay = market.client({
  store: sqliteStore(path),
  async approve() {
    await market.desk("freeze", { node: "seller" });
    return true;
  },
  onEvent: ({ type }) => console.log(type),
});
await pay(url);
