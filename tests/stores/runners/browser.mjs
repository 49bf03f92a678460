// IndexedDB, shared by the tabs of a browser. WebKit is driven by one page at a time: there, and on every other turn in
// the other engines, a worker takes the place of a tab.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openBrowser, PLAIN_HOST } from "../../support/browsers.mjs";
import { importMap } from "../../support/pack.mjs";
import { serve } from "../../support/serve.mjs";

/** `plain`: on a page without https, which has no Web Locks. */
export const browser =
  (engine, { plain } = {}) =>
  async ({ folder, hub }) => {
    const { exports } = JSON.parse(await readFile(join(folder, "node_modules/l402-fetch/package.json"), "utf8"));
    const page = (script) => `<!doctype html><title>${engine}</title>
<script type="importmap">${JSON.stringify(importMap(exports))}</script>
<script type="module" src="/stores/${script}"></script>`;
    const { build } = await import("esbuild");
    const out = join(folder, `${engine}-${plain ? "plain" : "own"}`);
    await build({
      entryPoints: [join(folder, "stores/worker.js")],
      outdir: out,
      bundle: true,
      format: "esm",
      logLevel: "error",
      plugins: [
        {
          name: "inline",
          setup: ({ onResolve, resolve }) =>
            onResolve({ filter: /^l402-fetch$/ }, ({ kind, resolveDir }) =>
              resolve("l402-fetch/inline", { kind, resolveDir }),
            ),
        },
      ],
    });
    const worker = await readFile(join(out, "worker.js"), "utf8");
    const site = await serve(folder, { "/": page("page.js"), "/tab": page("tab.js"), "/worker.js": worker });
    const url = plain ? site.url.replace("127.0.0.1", PLAIN_HOST) : site.url;
    const opened = await openBrowser(engine);
    const query = (name) => String(new URLSearchParams({ hub: hub.url, worker: name }));
    function handle(name, stop) {
      let ended;
      const kill = () => {
        ended ??= stop().then(() => hub.lose(name));
        return ended;
      };
      return { ask: (job) => hub.ask(name, job), kill, end: kill };
    }

    let driver;
    async function startWorker(name) {
      driver ??= await opened.drive(`${url}/`);
      const run = (call) => driver(`return page.${call}(${JSON.stringify(query(name))})`);
      await run("start");
      return handle(name, () => run("stop"));
    }

    async function startTab(name) {
      const tab = await opened.browser.newPage();
      await tab.goto(`${url}/tab?${query(name)}`);
      return handle(name, () => tab.close());
    }

    let actors = 0;
    return {
      start: (name) => (opened.browser && actors++ % 2 === 0 ? startTab(name) : startWorker(name)),
      offers: ["kill", "clock"],
      // a browser opens few connections to a host, and each actor holds one to the hub
      atOnce: 1,
      async close() {
        await opened.close();
        await site.close();
      },
    };
  };
