import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

export default {
  async fetch(request) {
    const { base, shop } = Object.fromEntries(new URL(request.url).searchParams);
    return Response.json(await buy(pkg, base, shop));
  },
};
