import * as pkg from "l402-fetch";
import { buy } from "./buy.cjs";

const [base, shop]: string[] = process.argv.slice(-2);
buy(pkg, base, shop).then((results: object) => {
  console.log(JSON.stringify(results));
  process.exit(0);
});
