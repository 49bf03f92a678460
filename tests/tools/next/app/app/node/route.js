import * as pkg from "l402-fetch";
import { buy } from "../../buy.js";

export async function GET(request) {
  const { base, shop } = Object.fromEntries(new URL(request.url).searchParams);
  return Response.json(await buy(pkg, base, shop));
}
