import * as pkg from "l402-fetch/inline";
import { buy } from "./buy.js";

export const config = { matcher: "/bought-by-middleware" };

export default async function middleware(request) {
  const { base, shop } = Object.fromEntries(new URL(request.url).searchParams);
  return Response.json(await buy(pkg, base, shop));
}
