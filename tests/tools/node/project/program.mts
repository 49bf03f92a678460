import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

const [base, shop]: string[] = process.argv.slice(-2);
const results: object = await buy(pkg, base, shop);
console.log(JSON.stringify(results));
process.exit(0);
