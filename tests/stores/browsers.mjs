// IndexedDB in a real browser: the shared suite in a page, in a worker and in a service worker, and what only tabs do.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runSuite } from "../runtimes/harness.js";
import { openBrowser } from "../support/browsers.mjs";
import { importMap } from "../support/pack.mjs";
import { serve } from "../support/serve.mjs";

export async function inBrowser({ folder, base, other, runtime }) {
  const { exports } = JSON.parse(await readFile(join(folder, "node_modules/l402-fetch/package.json"), "utf8"));
  const page = (script) => `<!doctype html><title>${runtime}</title>
<script type="importmap">${JSON.stringify(importMap(exports))}</script>
<script type="module" src="/stores/${script}"></script>`;
  const { build } = await import("esbuild");
  const worker = join(folder, "worker.js");
  await build({
    entryPoints: [join(folder, "stores/worker.js")],
    outfile: worker,
    bundle: true,
    format: "iife",
    logLevel: "error",
  });
  const site = await serve(folder, { "/": page("page.js"), "/tab": page("tab.js") });
  const opened = await openBrowser(runtime);
  try {
    const query = new URLSearchParams({ runtime, base, other });
    const results = await opened.visit(`${site.url}/?${query}`, 180_000);
    const cases = Object.entries(tabs).map(([name, test]) => ({ name, run: (t) => runTabs(t, test) }));
    const context = { opened, site, base, other, runtime };
    return [...results, ...(await runSuite(cases, context, { atOnce: 1, timeout: 60_000 }))];
  } finally {
    await opened.close();
    await site.close();
  }
}

let shops = 0;

/** Runs a test with tabs of its own, which are closed after it. */
async function runTabs({ opened, site, base, other, runtime, same }, test) {
  const open = new Set();
  const id = `tabs-${runtime}-${++shops}`;
  const ask = async (path, init) => (await fetch(`${other}${path}`, init)).json();
  const t = {
    /** A new tab on the test's database; its `globalThis.tab` is that of tab.js. */
    async tab() {
      const page = await opened.browser.newPage();
      open.add(page);
      const query = new URLSearchParams({ base, other, id });
      await page.goto(`${site.url}/tab?${query}`);
      await page.waitForFunction("globalThis.tab", { timeout: 30_000 });
      return page;
    },
    async close(page) {
      open.delete(page);
      await page.close();
    },
    stats: () => ask(`/stats/${id}?log=0`),
    until: (count, number) => ask(`/stats/${id}/wait?${count}=${number}`),
    release: () => ask(`/stats/${id}/release`, { method: "POST" }),
    same,
  };
  try {
    await test(t);
  } finally {
    for (const page of open) await page.close().catch(() => {});
  }
}

const payments = async (t) => {
  const { payments, asked } = await t.stats();
  return [payments, asked];
};

const tabs = {
  async "two tabs that ask for the same at once pay once"(t) {
    const [one, two] = [await t.tab(), await t.tab()];
    // the first is asked to wait until the second waits for it
    const first = one.evaluate('tab.buy("a", { wallet: "answer=hold" })');
    await t.until("asked", 1);
    const second = two.evaluate('tab.buy("a")');
    await t.until("challenges", 2);
    await t.release();
    t.same(
      [await first, await second],
      [
        { status: 200, paidNow: true },
        { status: 200, paidNow: false },
      ],
    );
    t.same(await payments(t), [1, 1], "payments and times the wallets were asked");
  },

  async "a tab that is closed while its user is asked blocks no other tab"(t) {
    const [one, two] = [await t.tab(), await t.tab()];
    await one.evaluate('tab.hang("a")');
    const second = two.evaluate('tab.buy("a")');
    await t.until("challenges", 2);
    await t.close(one);
    t.same(await second, { status: 200, paidNow: true });
    t.same(await payments(t), [1, 1], "payments and times the wallets were asked");
  },

  async "a tab that is closed while its wallet pays: another looks it up and pays nothing"(t) {
    const [one, two] = [await t.tab(), await t.tab()];
    one.evaluate('tab.buy("a", { wallet: "answer=hold" })').catch(() => {});
    await t.until("asked", 1);
    const second = two.evaluate('tab.buy("a", { lookup: true })');
    await t.until("challenges", 2);
    await t.close(one);
    t.same(await second, { code: "payment_unknown" });
    await t.release();
    await t.until("payments", 1);
    t.same(await two.evaluate('tab.buy("a", { lookup: true })'), { status: 200, paidNow: false });
    t.same(await payments(t), [1, 1], "payments and times the wallets were asked");
  },

  async "tabs share their limits"(t) {
    const pages = [await t.tab(), await t.tab(), await t.tab()];
    const ends = await Promise.all(
      pages.map((page, index) => page.evaluate(`tab.buy("${index}?scope=path", { total: 15 })`)),
    );
    t.same(ends.map(({ status, code }) => code ?? status).sort(), [200, "over_limit", "over_limit"]);
    t.same(await payments(t), [1, 1], "payments and times the wallets were asked");
  },

  async "another tab may delete the database; the store goes on with a new one"(t) {
    const [one, two] = [await t.tab(), await t.tab()];
    await one.evaluate('tab.store.set("a", "1")');
    await two.evaluate("tab.remove()");
    t.same(await one.evaluate('tab.store.get("a").then((value) => value ?? null)'), null);
    await one.evaluate('tab.store.set("a", "2")');
    t.same(await two.evaluate('tab.store.get("a")'), "2");
  },
};
