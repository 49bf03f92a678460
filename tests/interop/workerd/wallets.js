// workerd, with the other wallets: as suite.js.
import * as pkg from "l402-fetch";
import { lnd } from "l402-fetch/wallets/lnd";
import { runSuite } from "../../runtimes/harness.js";
import { everywhere as lnbits } from "../cases/lnbits.js";
import { everywhere as nwc } from "../cases/nwc.js";

export default {
  async fetch(request) {
    const place = JSON.parse(new URL(request.url).searchParams.get("place"));
    return Response.json(await runSuite([...lnbits, ...nwc], { pkg, lnd, ...place }, { atOnce: 1 }));
  },
};
