// compatibility-date: 2025-01-01
// Before September 2025 workerd's fetch forwards Authorization to wherever it is redirected.
import * as pkg from "l402-fetch";
import paying from "../cases/paying.js";
import redirects from "../cases/redirects.js";
import { runSuite } from "../harness.js";

export default {
  async fetch(request) {
    const { base, other } = Object.fromEntries(new URL(request.url).searchParams);
    return Response.json(await runSuite([paying[0], redirects].flat(), { pkg, base, other, runtime: "workerd-old" }));
  },
};
