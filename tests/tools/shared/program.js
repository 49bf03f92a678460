import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

const [base, shop] = process.argv.slice(-2);
buy(pkg, base, shop).then((results) => {
  console.log(JSON.stringify(results));
  process.exit(0);
});
