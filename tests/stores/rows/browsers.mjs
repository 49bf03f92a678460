// IndexedDB in a real browser: the suite in a page, in a worker and on a page without https, and what only tabs do.
import { join } from "node:path";
import { runSuite } from "../../runtimes/harness.js";
import { openBrowser, PLAIN_HOST } from "../../support/browsers.mjs";
import { serve } from "../../support/serve.mjs";

/** `folder` has the compiled stores, and the tests below it. */
export async function inBrowser(engine, folder) {
  const { build } = await import("esbuild");
  const out = join(folder, `site-${engine}`);
  await build({
    entryPoints: ["page", "tab", "worker"].map((name) => join(folder, `tests/stores/rows/browser/${name}.js`)),
    outdir: out,
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
  const page = (script) => `<!doctype html><title>${engine}</title><script type="module" src="/${script}"></script>`;
  const site = await serve(out, { "/": page("page.js"), "/tab": page("tab.js") });
  const opened = await openBrowser(engine);
  try {
    const results = await opened.visit(`${site.url}/?runtime=${engine}&times=1000`, 100_000);
    // WebKit can't be told where a host leads
    if (engine !== "webkit") {
      const plain = site.url.replace("127.0.0.1", PLAIN_HOST);
      for (const result of await opened.visit(`${plain}/?runtime=${engine}&plain=1`, 60_000))
        results.push({ ...result, name: `plain http: ${result.name}` });
    }
    if (opened.browser) results.push(...(await runSuite(tabs, { browser: opened.browser, site }, { atOnce: 1 })));
    return results;
  } finally {
    await opened.close();
    await site.close();
  }
}

async function openTab({ browser, site }, name) {
  const page = await browser.newPage();
  await page.goto(`${site.url}/tab?name=${name}`);
  await page.waitForFunction("globalThis.tab", { timeout: 30_000 });
  return page;
}

const tabs = [
  {
    name: "two tabs count at once, and lose nothing",
    async run(t) {
      const [one, two] = [await openTab(t, "count"), await openTab(t, "count")];
      await Promise.all([one.evaluate("tab.count(40)"), two.evaluate("tab.count(40)")]);
      t.same(await one.evaluate('tab.store.read(["count"])'), ["80"]);
      await Promise.all([one.close(), two.close()]);
    },
  },
  {
    name: "a tab that is closed while it writes: what was promised is there, and nothing by halves",
    async run(t) {
      const other = await openTab(t, "closed");
      for (let time = 0; time < 3; time++) {
        const page = await openTab(t, "closed");
        await page.evaluate("void tab.write()");
        await page.waitForFunction("tab.promised > 5");
        const promised = await page.evaluate("tab.promised");
        await page.close();
        const values = await other.evaluate("tab.values()");
        t.equal(new Set(values).size, 1, "different values of one write");
        t.ok(Number(values[0]) >= promised, `${promised} was promised, there is ${values[0]}`);
      }
      await other.close();
    },
  },
];
