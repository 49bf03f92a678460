// The demo page of www/, in Chromium, from the paywall: `run.mjs [WORD…]` runs the cases whose names hold a word.
// Where SCREENSHOTS names a folder, pictures of the page's states are left there.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { seconds } from "../../scripts/lib.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { closingLine, runEach } from "../support/tally.mjs";
import { cases } from "./cases.mjs";
import { openPage } from "./page.mjs";

const folder = process.env.SCREENSHOTS;
if (folder) await mkdir(folder, { recursive: true });
const keep = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });

const words = process.argv.slice(2);
const start = Date.now();
const paywall = await startPaywall();
const { browser, close } = await openBrowser("chromium");

/** Runs a case with pages of its own, which may have nothing to complain of. */
async function inPages(run) {
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
  } catch (error) {
    for (const page of pages) if (page.offences.length) error.stack += `\nthe page said: ${page.offences.join("; ")}`;
    throw error;
  } finally {
    for (const page of pages) await page.close();
  }
}

await runEach(Object.fromEntries(Object.entries(cases).map(([name, run]) => [name, () => inPages(run)])), words);
await close();
await paywall.close();
console.log(`the demo page in chromium: ${seconds(start)}`);
closingLine();
