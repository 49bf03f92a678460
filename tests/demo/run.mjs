// The demo page of www/, in Chromium, from the paywall: `run.mjs [WORD…]` runs the cases whose names hold a word.
// Where SCREENSHOTS names a folder, pictures of the page's states are left there.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { seconds } from "../../scripts/lib.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { cases } from "./cases.mjs";
import { openPage } from "./page.mjs";

const folder = process.env.SCREENSHOTS;
if (folder) await mkdir(folder, { recursive: true });
const keep = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });

const words = process.argv.slice(2);
const start = Date.now();
const paywall = await startPaywall();
const { browser, close } = await openBrowser("chromium");
let passed = 0;
let failed = 0;
for (const [name, run] of Object.entries(cases).filter(([name]) => words.every((word) => name.includes(word)))) {
  const pages = [];
  const open = async (options) => {
    const page = await openPage(browser, paywall.base, options);
    pages.push(page);
    return page;
  };
  try {
    await run({ open, keep, base: paywall.base });
    assert.deepEqual(
      pages.flatMap((page) => page.offences),
      [],
      "console and foreign requests",
    );
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`  failed: ${name}\n    ${String(error.stack).replaceAll("\n", "\n    ")}`);
    for (const page of pages) if (page.offences.length) console.log(`    the page said: ${page.offences.join("; ")}`);
  } finally {
    for (const page of pages) await page.close();
  }
}
await close();
await paywall.close();
console.log(`the demo page in chromium: ${seconds(start)}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
