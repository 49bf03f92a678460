// next-l402 with its own client of lnd's REST: tokens are good for the origin. A route handler of Next takes a request
// and returns a response; here node:http hands it the request, with the classes of Next 16 but without its builds.
import { withL402 } from "next-l402/dist/server/index.js";
import { createRestLightningClient } from "next-l402/dist/lightning/rest.js";
import { NextRequest, NextResponse } from "next/server.js";
import { PRICE, serve } from "./loopback.mjs";

const lightning = createRestLightningClient({ host: process.env.NODE, macaroon: "AAAA" });
const GET = withL402(() => new NextResponse("sunny"), {
  lightning,
  priceSats: PRICE,
  secretKey: Buffer.from("a key of this test alone"),
});

await serve(async (incoming, outgoing) => {
  const request = new NextRequest(`http://${incoming.headers.host}${incoming.url}`, { headers: incoming.headers });
  const response = await GET(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(await response.text());
});
