import * as pkg from "l402-fetch/inline";
import { buy } from "./buy.js";

// a content script shares the page's document, not its variables
const { base, shop } = Object.fromEntries(new URLSearchParams(location.search));
if (base) buy(pkg, base, shop).then((results) => (document.documentElement.dataset.results = JSON.stringify(results)));
