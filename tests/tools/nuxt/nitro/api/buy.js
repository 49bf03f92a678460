import * as pkg from "l402-fetch";
import { buy } from "../buy.js";

export default ({ url, req }) => {
  const { base, shop } = Object.fromEntries((url ?? new URL(req.url)).searchParams);
  return buy(pkg, base, shop);
};
