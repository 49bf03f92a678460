import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

globalThis.bought = (base, shop) => buy(pkg, base, shop);
