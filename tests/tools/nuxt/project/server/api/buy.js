import * as pkg from "l402-fetch";
import { buy } from "~~/buy.js";

export default defineEventHandler((event) => {
  const { base, shop } = getQuery(event);
  return buy(pkg, base, shop);
});
