// The packed tarball: what is in it, what publint and arethetypeswrong say, and that every tool and page of the README's
// table makes a paid call with it. `run.mjs [WORD]` runs the tests whose name has the word.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { at, run, seconds } from "../../scripts/lib.mjs";
import { openBrowser } from "../lib/browsers.mjs";
import { importMap, installPacked } from "../lib/pack.mjs";
import { startPaywall } from "../lib/paywall.mjs";
import { serve } from "../lib/serve.mjs";
import { FILES } from "./files.mjs";
import * as bundlers from "./bundlers.mjs";

const installed = await installPacked([at("tests/package/app")]);
const { folder } = installed;
const app = join(folder, "app");
const manifest = JSON.parse(await readFile(join(folder, "node_modules/l402-fetch/package.json"), "utf8"));
const paywall = await startPaywall();
const chromium = await openBrowser("chromium");

let shops = 0;
const query = () => new URLSearchParams({ base: paywall.base, shop: `package-${++shops}` });
const BOUGHT = { status: 200, bought: true, amountMsat: 10_000, paidNow: true };
const page = (script, { head = "", map = importMap(manifest.exports) } = {}) =>
  `<!doctype html><meta charset="utf-8">${head}<title>test</title>${map ? `<script type="importmap">${JSON.stringify(map)}</script>` : ""}<script type="module" src="${script}"></script>`;

/** Opens a page of the installed folder; resolves with its results and the paths it asked for. */
async function visit(path, pages = {}, root = folder) {
  const site = await serve(root, pages);
  try {
    return { results: await chromium.visit(`${site.url}${path}?${query()}`), asked: site.asked };
  } finally {
    await site.close();
  }
}

/** A bundle for a server, run by this Node. */
async function runNode(file) {
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...query().values()], { cwd: folder });
  return JSON.parse(stdout);
}

const tests = {
  "the tarball holds these files and no other"() {
    assert.deepEqual(installed.files, FILES);
  },

  "every export is a file of the tarball"() {
    const targets = Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
    for (const target of targets) assert.ok(installed.files.includes(target.slice(2)), target);
  },

  async "publint has nothing to say"() {
    const { publint } = await import("publint");
    const { messages } = await publint({ pkgDir: join(folder, "node_modules/l402-fetch"), strict: true, pack: false });
    assert.deepEqual(messages, []);
  },

  async "arethetypeswrong finds nothing"() {
    await run(process.execPath, [at("tests/node_modules/@arethetypeswrong/cli/dist/index.js"), installed.tarball, "--profile", "esm-only", "--exclude-entrypoints", "./l402_fetch.wasm"], { quiet: true });
  },

  async "a plain page with an import map buys"() {
    const { results } = await visit("/", { "/": page("/app/main.js") });
    assert.deepEqual(results, BOUGHT);
  },

  async "a plain page with the inline entry fetches no wasm"() {
    const { results, asked } = await visit("/", { "/": page("/app/main-inline.js") });
    assert.deepEqual(results, BOUGHT);
    assert.deepEqual(asked.filter((path) => path.endsWith(".wasm")), []);
  },

  async "nothing of the core is loaded before it is needed"() {
    const { results, asked } = await visit("/", { "/": page("/app/free.js") });
    assert.deepEqual(results, { status: 200 });
    assert.deepEqual(asked.filter((path) => /core|wasm/.test(path)), []);
  },

  async "the paying fetch may take the place of the global one before the core is loaded"() {
    const { results } = await visit("/", { "/": page("/app/global.js") });
    assert.deepEqual(results, { status: 200 });
  },

  async "Vite serves it"() {
    assert.deepEqual(await bundlers.viteDev(folder, (url) => chromium.visit(`${url}?${query()}`)), BOUGHT);
  },

  async "Vite builds it"() {
    const out = await bundlers.viteBuild(folder);
    assert.deepEqual((await visit("/index.html", {}, out)).results, BOUGHT);
  },

  async "webpack builds it"() {
    const out = await bundlers.webpack(join(app, "main.js"), join(folder, "out-webpack"), "web");
    assert.deepEqual((await visit("/", { "/": page("/main.js", { map: null }) }, out)).results, BOUGHT);
  },

  async "esbuild builds the inline entry into one classic script"() {
    const out = await bundlers.esbuild(join(app, "main-inline.js"), join(folder, "out-esbuild"), { format: "iife" });
    const { results, asked } = await visit("/", { "/": `<!doctype html><title>test</title><body><script src="/main-inline.js"></script>` }, out);
    assert.deepEqual(results, BOUGHT);
    assert.deepEqual(asked.filter((path) => path !== "/favicon.ico"), ["/", "/main-inline.js"]);
  },

  async "a service worker of one classic script pays for its pages"() {
    const out = await bundlers.esbuild(join(app, "service-worker.js"), join(folder, "out-sw"), { format: "iife" });
    await cp(join(app, "service-worker-page.js"), join(out, "service-worker-page.js"));
    const { results } = await visit("/", { "/": page("/service-worker-page.js", { map: null }) }, out);
    assert.deepEqual(results, { status: 200, bought: true });
  },

  async "esbuild with the main entry: the error names the inline one, for a missing file and for an HTML page in its place"() {
    const out = await bundlers.esbuild(join(app, "main.js"), join(folder, "out-esbuild-main"), { format: "esm" });
    const html = (request, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>the app</title>");
    for (const pages of [{}, { "/l402_fetch.wasm": html }]) {
      const { results } = await visit("/", { "/": page("/main.js", { map: null }), ...pages }, out);
      assert.equal(results.code, "load_failed");
      assert.match(results.error, /http:\/\/127\.0\.0\.1:\d+\/l402_fetch\.wasm .*l402-fetch\/inline/);
      assert.match(results.error, pages["/l402_fetch.wasm"] ? /HTML page/ : /answered 404/);
    }
  },

  async "a content security policy needs 'wasm-unsafe-eval', and the error says so"() {
    const csp = (policy) => `<meta http-equiv="content-security-policy" content="script-src 'self' 'unsafe-inline'${policy}">`;
    for (const script of ["/app/main.js", "/app/main-inline.js"]) {
      const refused = await visit("/", { "/": page(script, { head: csp("") }) });
      assert.equal(refused.results.code, "load_failed");
      assert.match(refused.results.error, /add 'wasm-unsafe-eval' to its script-src/);
      const allowed = await visit("/", { "/": page(script, { head: csp(" 'wasm-unsafe-eval'") }) });
      assert.deepEqual(allowed.results, BOUGHT);
    }
  },

  async "a load that failed is tried again by the next call"() {
    for (const file of ["l402_fetch.wasm", "core.js"]) {
      const path = `/node_modules/l402-fetch/dist/${file}`;
      let broken = 1;
      const { results, asked } = await visit("/", {
        "/": page("/app/twice.js"),
        [path]: async (request, response) => {
          if (broken-- <= 0) return readFile(join(folder, path));
          // an answer that breaks off: of one that never began, the browser itself would ask again
          response.writeHead(200, { "content-type": file.endsWith("js") ? "text/javascript" : "application/wasm", "content-length": "1000" });
          response.write(" ", () => response.destroy());
        },
      });
      assert.deepEqual(results, ["load_failed", "invalid_invoice"], file);
      assert.ok(asked.filter((name) => name === path).length >= 2);
    }
  },

  async "the wasm is taken whatever type the server gives it"() {
    const path = "/node_modules/l402-fetch/dist/l402_fetch.wasm";
    const { results } = await visit("/", {
      "/": page("/app/main.js"),
      [path]: async (request, response) => {
        response.setHeader("content-type", "application/octet-stream");
        response.end(await readFile(join(folder, path)));
      },
    });
    assert.deepEqual(results, BOUGHT);
  },

  async "webpack builds it for Node"() {
    const out = await bundlers.webpack(join(app, "main-node.js"), join(folder, "out-webpack-node"), "node");
    await writeFile(join(out, "package.json"), `{"type":"commonjs"}`);
    assert.deepEqual(await runNode(join(out, "main.js")), BOUGHT);
  },

  async "Vite builds it for a server, as a dependency and bundled"() {
    for (const noExternal of [undefined, true]) {
      const out = await bundlers.viteServer(folder, noExternal);
      assert.deepEqual(await runNode(join(out, "main-node.js")), BOUGHT);
    }
  },

  async "esbuild builds it for Node, as a module and as CommonJS"() {
    for (const format of ["esm", "cjs"]) {
      const out = await bundlers.esbuild(join(app, "main-node.js"), join(folder, `out-esbuild-${format}`), { format, platform: "node" });
      await writeFile(join(out, "package.json"), JSON.stringify({ type: format === "cjs" ? "commonjs" : "module" }));
      assert.deepEqual(await runNode(join(out, "main-node.js")), BOUGHT);
    }
  },
};

let passed = 0;
let failed = 0;
for (const [name, test] of Object.entries(tests).filter(([name]) => name.includes(process.argv[2] ?? ""))) {
  const start = Date.now();
  try {
    await test();
    passed++;
    console.log(`ok: ${name} (${seconds(start)})`);
  } catch (error) {
    failed++;
    console.log(`failed: ${name}\n    ${String(error.stack).replaceAll("\n", "\n    ")}`);
  }
}
await chromium.close();
await paywall.close();
if (process.env.KEEP) console.log(folder);
else await installed.remove();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
