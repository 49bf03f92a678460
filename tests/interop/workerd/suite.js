// workerd: the suite runs within one request, whose query says where everything is.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";
import { runSuite } from "../../runtimes/harness.js";
import buying from "../cases/buying.js";
import charges from "../cases/charges.js";
import wallet from "../cases/wallet.js";

export default {
  async fetch(request) {
    const place = JSON.parse(new URL(request.url).searchParams.get("place"));
    return Response.json(await runSuite([...buying, ...charges, ...wallet], { pkg, lnd, ...place }, { atOnce: 1 }));
  },
};
