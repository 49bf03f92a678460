import * as pkg from "l402-fetch/inline";
import { buy } from "../../buy.js";

export const config = { runtime: "edge" };

export default async function handler(request) {
  const { base, shop } = Object.fromEntries(new URL(request.url).searchParams);
  return Response.json(await buy(pkg, base, shop));
}
