import * as pkg from "l402-fetch";
import { test } from "vitest";
import { buy } from "./buy.js";

test("buys", async () => {
  console.log(`\n${JSON.stringify(await buy(pkg, BASE, SHOP))}\n`);
}, 60_000);
