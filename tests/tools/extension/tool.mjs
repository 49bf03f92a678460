// An extension of Manifest V3 in Chromium: its service worker, and a script that it adds to pages.
import { find, CHROMIUM } from "../../../scripts/lib.mjs";

const CSP = "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'";
const SETTING =
  '`"content_security_policy": { "extension_pages": "script-src \'self\' \'wasm-unsafe-eval\'" }` in manifest.json';

const packed = (background, csp) => async (project) => {
  const build = (entry, ...args) =>
    project.run("esbuild", [entry, "--bundle", "--minify", "--outdir=extension", ...args]);
  await build(background, "--format=esm");
  await build("content.js", "--format=iife");
  // esbuild copies no wasm; the main entry looks for it beside itself
  await project.run("cp", ["node_modules/l402-fetch/dist/l402_fetch.wasm", "extension"]);
  await project.write(
    "extension/manifest.json",
    JSON.stringify({
      manifest_version: 3,
      name: "shopper",
      version: "1.0",
      background: { service_worker: background, type: "module" },
      host_permissions: ["http://127.0.0.1/*"],
      content_scripts: [{ matches: ["http://127.0.0.1/*"], js: ["content.js"] }],
      ...(csp && { content_security_policy: { extension_pages: CSP } }),
    }),
  );
  await project.write("site/index.html", `<!doctype html><title>shop</title>`);
  return project.files("site");
};

async function browse(project, task) {
  const { default: driver } = await import("puppeteer-core");
  const browser = await driver.launch({
    executablePath: CHROMIUM.map(find).find(Boolean),
    headless: true,
    pipe: true,
    enableExtensions: [project.path("extension")],
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    return await task(browser);
  } finally {
    await browser.close();
  }
}

const serviceWorker = (project, _site, query) =>
  browse(project, async (browser) => {
    const target = await browser.waitForTarget(
      (target) => target.type() === "service_worker" && target.url().startsWith("chrome-extension://"),
    );
    const worker = await target.worker();
    return worker.evaluate(
      async (base, shop) => {
        // the target is there before its script has run
        while (!globalThis.bought) await new Promise((done) => setTimeout(done, 10));
        return globalThis.bought(base, shop);
      },
      ...query.values(),
    );
  });

const contentScript = (project, site, query) =>
  browse(project, async (browser) => {
    const page = await browser.newPage();
    await page.goto(`${site.url}/index.html?${query}`);
    await page.waitForFunction("document.documentElement.dataset.results");
    return JSON.parse(await page.evaluate("document.documentElement.dataset.results"));
  });

const refused = {
  fails: { code: "load_failed", says: /add 'wasm-unsafe-eval' to its script-src/ },
  note: "Chromium compiles no wasm in an extension without the setting of the next rows",
};

export default [
  {
    name: "Manifest V3, Chromium",
    version: "Debian's",
    home: "extension",
    packages: { esbuild: "0.28.2" },
    stages: [
      {
        project: "project",
        open: packed("background.js", false),
        rows: [{ name: "service worker, no policy", ...refused, ask: serviceWorker }],
      },
      {
        project: "project",
        open: packed("background-inline.js", false),
        rows: [
          { name: "service worker, no policy", entry: "l402-fetch/inline", ...refused, ask: serviceWorker },
          { name: "content script", entry: "l402-fetch/inline", ask: contentScript },
        ],
      },
      {
        project: "project",
        open: packed("background.js", true),
        rows: [{ name: "service worker", setting: SETTING, note: "the wasm beside the script", ask: serviceWorker }],
      },
      {
        project: "project",
        open: packed("background-inline.js", true),
        rows: [{ name: "service worker", entry: "l402-fetch/inline", setting: SETTING, ask: serviceWorker }],
      },
    ],
  },
];
