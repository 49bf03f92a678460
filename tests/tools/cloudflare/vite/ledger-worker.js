import * as pkg from "l402-fetch";
import { durableObjectStore } from "l402-fetch/stores/durable-object";
import { buy } from "./buy.js";

export { L402Ledger } from "l402-fetch/stores/durable-object/ledger";

export default {
  async fetch(request, env) {
    const { base, shop } = Object.fromEntries(new URL(request.url).searchParams);
    const store = durableObjectStore(() => env.LEDGER.get(env.LEDGER.idFromName(shop)));
    return Response.json(await buy(pkg, base, shop, { store }));
  },
};
