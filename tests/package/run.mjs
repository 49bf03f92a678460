// The packed tarball: its files, and the verdicts of publint and arethetypeswrong. Every tool and page of the README's
// table makes a paid call with it. `run.mjs [WORD]` runs the tests whose name has the word.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { at, run } from "../../scripts/lib.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { importMap, installPacked } from "../support/pack.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { serve } from "../support/serve.mjs";
import { closingLine, runEach } from "../support/tally.mjs";
import { json as answerJson, openStandIn } from "../wallets/stand-in.mjs";
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

/** Opens a page of the installed folder. Resolves with its results and the paths that it asked for. */
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
    const filesOf = (target) => (typeof target === "string" ? [target] : Object.values(target).flatMap(filesOf));
    const targets = filesOf(manifest.exports);
    for (const target of targets) assert.ok(installed.files.includes(target.slice(2)), target);
  },

  "tools that don't read exports find every subpath: Parcel by alias"() {
    const subpaths = Object.entries(manifest.exports).filter(([name]) => !/^\.$|wasm|json/.test(name));
    assert.deepEqual(manifest.alias, Object.fromEntries(subpaths.map(([name, target]) => [name, target.default])));
  },

  "a build traces for Node the files that Node imports: no condition of bundlers leads elsewhere"() {
    const target = (of, conditions) =>
      typeof of === "string"
        ? of
        : Object.entries(of)
            .filter(([name]) => conditions.includes(name))
            .map(([, inner]) => target(inner, conditions))
            .find(Boolean);
    for (const [name, of] of Object.entries(manifest.exports)) {
      const node = ["node", "import", "module-sync", "default"];
      assert.equal(target(of, [...node, "module"]), target(of, node), name);
    }
  },

  async "the command is there for npx: it pays on a newer Node, and an older one is told which it needs"() {
    const bin = join(folder, "node_modules/.bin/l402-fetch");
    const shop = query().get("shop");
    const url = `${paywall.base}/shop/${shop}/weather?network=bc`;
    const home = join(folder, "home");
    const wallet = await openStandIn();
    wallet.on("POST /payinvoice", async ({ body }) => {
      const invoice = new URLSearchParams(body).get("invoice");
      const paid = await fetch(`${paywall.base}/wallet/${shop}/pay`, { method: "POST", body: invoice });
      return answerJson(200, {
        recipientAmountSat: 10,
        routingFeeSat: 0,
        paymentPreimage: (await paid.json()).preimage,
      });
    });
    const env = { HOME: home, PHOENIXD_URL: wallet.url, PHOENIXD_PASSWORD: "x", NODE_NO_WARNINGS: "" };
    const call = (path, ...args) => promisify(execFile)(bin, args, { env: { ...env, PATH: path } });
    try {
      const newer = `${at("tests/node_modules/node24/bin")}:${process.env.PATH}`;
      for (const paidNow of [true, false]) {
        const { stdout, stderr } = await call(newer, "--json", url);
        assert.equal(stderr, "");
        assert.equal(JSON.parse(stdout).paid.paidNow, paidNow);
      }
      const older = call(process.env.PATH, url);
      if (Number(process.versions.node.split(".")[0]) < 22)
        await assert.rejects(older, {
          code: 2,
          stderr: /^l402-fetch: this command needs Node 22\.13 or later, and [^\n]*\n$/,
        });
      else await older;
      const { payments } = await (await fetch(`${paywall.base}/stats/${shop}?log=0`)).json();
      assert.equal(payments, 1);
    } finally {
      await wallet.close();
    }
  },

  async "installed it takes at most 2 MB, and brings no other package"() {
    const root = join(folder, "node_modules");
    const names = (await readdir(root)).filter((name) => !name.startsWith("."));
    assert.deepEqual(names, ["l402-fetch"]);
    assert.equal(manifest.dependencies, undefined);
    const sizes = installed.files.map(async (path) => (await stat(join(root, "l402-fetch", path))).size);
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    console.log(`  installed: ${bytes} bytes in ${installed.files.length} files`);
    assert.ok(bytes <= 2_000_000, `${bytes} bytes`);
  },

  async "publint finds nothing"() {
    const { publint } = await import("publint");
    const { messages } = await publint({ pkgDir: join(folder, "node_modules/l402-fetch"), strict: true, pack: false });
    assert.deepEqual(messages, []);
  },

  async "arethetypeswrong finds nothing, with node10 and CommonJS too"() {
    // no Worker's class can be required
    const without = ["./l402_fetch.wasm", "./stores/durable-object/ledger"];
    await run(
      process.execPath,
      [
        at("tests/node_modules/@arethetypeswrong/cli/dist/index.js"),
        installed.tarball,
        "--profile",
        "strict",
        "--exclude-entrypoints",
        ...without,
      ],
      { quiet: true },
    );
  },

  async "it can be required: as the modules themselves if Node can do that, otherwise as CommonJS, as in Jest and older Nodes"() {
    // tests/agents has what the frameworks' modules need
    const paths = Object.keys(manifest.exports)
      .filter((path) => !/ledger|wasm|json|agents\//.test(path))
      .map((path) => `l402-fetch${path.slice(1)}`);
    await writeFile(
      join(app, "required.cjs"),
      `const all = ${JSON.stringify(paths)}.map((path) => require(path));
      const { L402Error, ...pkg } = all[0];
      const { lnd } = require("l402-fetch/wallets/lnd");
      const ofWallet = (() => { try { lnd({}); } catch (error) { return error instanceof L402Error; } })();
      (async () => {
        const { buy } = await import("./buy.js");
        const results = await buy(pkg, ...process.argv.slice(2));
        const same = L402Error === (await import("l402-fetch")).L402Error;
        console.log(JSON.stringify({ ...results, ofWallet, same }));
        process.exit(0);
      })();`,
    );
    for (const [flags, same] of [
      [[], true],
      [["--no-experimental-require-module"], false],
    ]) {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [...flags, join(app, "required.cjs"), ...query().values()],
        { cwd: folder },
      );
      assert.deepEqual(JSON.parse(stdout), { ...BOUGHT, ofWallet: true, same });
    }
  },

  async "a plain page with an import map buys"() {
    const { results, asked } = await visit("/", { "/": page("/app/main.js") });
    assert.deepEqual(results, BOUGHT);
    assert.deepEqual(
      asked.filter((path) => /wasm/.test(path)),
      ["/node_modules/l402-fetch/dist/l402_fetch.wasm"],
    );
  },

  async "a plain page with the inline entry fetches no wasm"() {
    const { results, asked } = await visit("/", { "/": page("/app/main-inline.js") });
    assert.deepEqual(results, BOUGHT);
    assert.deepEqual(
      asked.filter((path) => path.endsWith(".wasm")),
      [],
    );
  },

  async "nothing of the core is loaded before it is needed"() {
    const { results, asked } = await visit("/", { "/": page("/app/free.js") });
    assert.deepEqual(results, { status: 200 });
    assert.deepEqual(
      asked.filter((path) => /dist\/core\.js|loading\/bind|wasm/.test(path)),
      [],
    );
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
    const { results, asked } = await visit(
      "/",
      { "/": `<!doctype html><title>test</title><body><script src="/main-inline.js"></script>` },
      out,
    );
    assert.deepEqual(results, BOUGHT);
    assert.deepEqual(
      asked.filter((path) => path !== "/favicon.ico"),
      ["/", "/main-inline.js"],
    );
  },

  async "a service worker of one classic script pays for its pages"() {
    const out = await bundlers.esbuild(join(app, "service-worker.js"), join(folder, "out-sw"), { format: "iife" });
    await cp(join(app, "service-worker-page.js"), join(out, "service-worker-page.js"));
    const { results } = await visit("/", { "/": page("/service-worker-page.js", { map: null }) }, out);
    assert.deepEqual(results, { status: 200, bought: true });
  },

  async "a page whose bundler did not copy the wasm buys with the bytes of a chunk: esbuild, in one file and in several, and Rolldown"() {
    const html = (_request, response) =>
      response.setHeader("content-type", "text/html").end("<!doctype html><title>the app</title>");
    const outs = [
      await bundlers.esbuild(join(app, "main.js"), join(folder, "out-esbuild-main"), { format: "esm" }),
      await bundlers.esbuild(join(app, "main.js"), join(folder, "out-esbuild-split"), {
        format: "esm",
        splitting: true,
      }),
      await bundlers.esbuild(join(app, "main.js"), join(folder, "out-esbuild-iife"), {
        format: "iife",
        logOverride: { "empty-import-meta": "silent" },
      }),
      await bundlers.rolldown(join(app, "main.js"), join(folder, "out-rolldown")),
    ];
    for (const out of outs) {
      for (const pages of [{}, { "/l402_fetch.wasm": html, "/assets/l402_fetch.wasm": html }]) {
        assert.deepEqual(
          (await visit("/", { "/": page("/main.js", { map: null }), ...pages }, out)).results,
          BOUGHT,
          out,
        );
      }
    }
  },

  async "the spare bytes are not fetched if the wasm is there: webpack, Vite"() {
    const webpack = await bundlers.webpack(join(app, "main.js"), join(folder, "out-webpack-asked"), "web");
    const vite = await bundlers.viteBuild(folder);
    for (const [out, path, pages] of [
      [webpack, "/", { "/": page("/main.js", { map: null }) }],
      [vite, "/index.html", {}],
    ]) {
      const { results, asked } = await visit(path, pages, out);
      assert.deepEqual(results, BOUGHT);
      const sizes = await Promise.all(
        asked.filter((path) => path.endsWith(".js")).map(async (path) => (await stat(join(out, path))).size),
      );
      assert.ok(sizes.length >= 2 && Math.max(...sizes) < 100_000, sizes.join());
    }
  },

  async "without wasm and chunk the error names their places and the inline entry"() {
    const out = await bundlers.esbuild(join(app, "main.js"), join(folder, "out-esbuild-lost"), {
      format: "esm",
      splitting: true,
    });
    const spare = (await readdir(out)).find((name) => name.includes("wasm"));
    await rm(join(out, spare));
    const { results } = await visit("/", { "/": page("/main.js", { map: null }) }, out);
    assert.equal(results.code, "load_failed");
    assert.match(results.error, /http:\/\/127\.0\.0\.1:\d+\/l402_fetch\.wasm \(.*l402-fetch\/inline/);
  },

  async "a chunk that is not there is load_failed: webpack, in a page and in Node"() {
    const web = await bundlers.webpack(join(app, "main.js"), join(folder, "out-webpack-lost"), "web");
    const node = await bundlers.webpack(join(app, "main-node.js"), join(folder, "out-webpack-node-lost"), "node");
    await writeFile(join(node, "package.json"), `{"type":"commonjs"}`);
    for (const out of [web, node])
      for (const name of await readdir(out)) if (/^\d+\.js$/.test(name)) await rm(join(out, name));
    assert.equal((await visit("/", { "/": page("/main.js", { map: null }) }, web)).results.code, "load_failed");
    assert.equal((await runNode(join(node, "main.js"))).code, "load_failed");
  },

  async "without WebAssembly it is load_failed, which says so"() {
    const script = `import { createFetch } from "l402-fetch"; import * as inline from "l402-fetch/inline";
      for (const make of [createFetch, inline.createFetch]) {
        const pay = make({ wallet: () => "", limits: { perPayment: 1 }, fetch: async () => ({ status: 402 }) });
        await pay("https://a.example/").catch(({ code, message }) => console.log(code, message));
      }`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--jitless", "--input-type=module", "-e", script], {
      cwd: folder,
    });
    assert.match(stdout, /^(load_failed this runtime has no WebAssembly.*\n){2}$/);
  },

  async "a wasm of another build than core.js is load_failed, with every way to load it"() {
    const dist = join(folder, "other-build");
    await cp(join(folder, "node_modules/l402-fetch"), dist, { recursive: true });
    const file = join(dist, "dist/l402_fetch.wasm");
    const wasm = await readFile(file, "latin1");
    const [, stamp] = /"([0-9a-f]{6})": \{ \$0/.exec(await readFile(join(dist, "dist/core.js"), "utf8"));
    assert.ok(wasm.split(stamp).length > 10);
    await writeFile(file, wasm.replaceAll(stamp, "beef00"), "latin1");
    await writeFile(
      join(dist, "dist/l402_fetch.wasm.js"),
      `export const base64 = "${(await readFile(file)).toString("base64")}";`,
    );
    for (const entry of ["node", "embedded", "inline"]) {
      const script = `import { decodeInvoice } from ${JSON.stringify(join(dist, "dist", `${entry}.js`))}; await decodeInvoice("lnbc1").catch(({ code, message }) => console.log(code, message));`;
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
      assert.match(stdout, /^load_failed .* is of another build than core\.js/, entry);
    }
    const { results } = await visit("/", {
      "/": page("/app/twice.js", { map: importMap(manifest.exports, "/other-build/") }),
    });
    assert.deepEqual(results, ["load_failed", "load_failed"]);
  },

  async "a bundle for an edge runtime has no code that compiles wasm, and buys"() {
    const text = await bundlers.edge(join(app, "main-node.js"));
    assert.doesNotMatch(text, /WebAssembly\.(compile|instantiate)|new Function|\beval\(/);
    const [, path] = /from "([^"]*\.wasm\?module)"/.exec(text);
    const out = join(folder, "out-edge.mjs");
    const wasm = JSON.stringify(join(folder, "node_modules/l402-fetch/dist/l402_fetch.wasm"));
    await writeFile(
      join(folder, "module.mjs"),
      `import { readFileSync } from "node:fs"; export default new WebAssembly.Module(readFileSync(${wasm}));`,
    );
    await writeFile(out, text.replace(path, "./module.mjs"));
    assert.deepEqual(await runNode(out), BOUGHT);
  },

  async "a page loads no more than it imports"() {
    for (const entry of ["l402-fetch", "l402-fetch/inline"]) {
      for (const name of ["L402Error", "receiptOf"])
        assert.ok((await bundlers.shaken(folder, entry, name)) < 700, `${entry}: ${name}`);
    }
  },

  async "Node needs no bytes in base64 if the wasm can be read, and pays with them if it can't"() {
    const dist = join(folder, "node_modules/l402-fetch/dist");
    const main = join(app, "main-node.js");
    for (const lost of ["l402_fetch.wasm.js", "l402_fetch.wasm"]) {
      await rename(join(dist, lost), join(dist, "away"));
      try {
        assert.deepEqual(await runNode(main), BOUGHT, lost);
      } finally {
        await rename(join(dist, "away"), join(dist, lost));
      }
    }
  },

  async "a content security policy needs 'wasm-unsafe-eval', and the error says so"() {
    const csp = (policy) =>
      `<meta http-equiv="content-security-policy" content="script-src 'self' 'unsafe-inline'${policy}">`;
    for (const script of ["/app/main.js", "/app/main-inline.js"]) {
      const refused = await visit("/", { "/": page(script, { head: csp("") }) });
      assert.equal(refused.results.code, "load_failed");
      assert.match(refused.results.error, /add 'wasm-unsafe-eval' to its script-src/);
      const allowed = await visit("/", { "/": page(script, { head: csp(" 'wasm-unsafe-eval'") }) });
      assert.deepEqual(allowed.results, BOUGHT);
    }
  },

  async "the next call repeats a load that failed"() {
    for (const files of [["l402_fetch.wasm", "l402_fetch.wasm.js"], ["core.js"]]) {
      const paths = files.map((file) => `/node_modules/l402-fetch/dist/${file}`);
      const pages = paths.map((path) => {
        let broken = 1;
        return [
          path,
          async (_request, response) => {
            if (broken-- <= 0) {
              if (path.endsWith("js")) response.setHeader("content-type", "text/javascript");
              return readFile(join(folder, path));
            }
            // an answer that breaks off: of one that never began, the browser itself would ask again
            response.writeHead(200, {
              "content-type": path.endsWith("js") ? "text/javascript" : "application/wasm",
              "content-length": "1000",
            });
            // Ended, not destroyed: a reset may overtake what was sent before it.
            response.write(" ", () => response.socket.end());
          },
        ];
      });
      const { results, asked } = await visit("/", { "/": page("/app/twice.js"), ...Object.fromEntries(pages) });
      assert.deepEqual(results, ["load_failed", "invalid_invoice"], files.join());
      assert.ok(asked.filter((name) => name === paths[0]).length >= 2);
    }
  },

  async "the wasm is accepted with any content type"() {
    const path = "/node_modules/l402-fetch/dist/l402_fetch.wasm";
    const { results } = await visit("/", {
      "/": page("/app/main.js"),
      [path]: async (_request, response) => {
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
      const out = await bundlers.esbuild(join(app, "main-node.js"), join(folder, `out-esbuild-${format}`), {
        format,
        platform: "node",
      });
      await writeFile(join(out, "package.json"), JSON.stringify({ type: format === "cjs" ? "commonjs" : "module" }));
      assert.deepEqual(await runNode(join(out, "main-node.js")), BOUGHT);
    }
  },
};

await runEach(tests, process.argv.slice(2));
await chromium.close();
await paywall.close();
if (process.env.KEEP) console.log(folder);
else await installed.remove();
closingLine();
process.exit();
