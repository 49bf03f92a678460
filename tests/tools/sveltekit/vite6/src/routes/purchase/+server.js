import * as pkg from "l402-fetch";
import { buy } from "../../../buy.js";

export async function GET({ url }) {
  const { base, shop } = Object.fromEntries(url.searchParams);
  return Response.json(await buy(pkg, base, shop));
}
