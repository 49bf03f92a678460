import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

const { base, shop } = Object.fromEntries(new URLSearchParams(location.search));
buy(pkg, base, shop).then((results) => {
  globalThis.results = results;
});
