// The packed tarball buys from aperture with real Lightning payments between two lnd nodes: in every runtime with lnd's
// own wallet module (`node`, `workerd`, `chromium`), with the other wallets (`wallets` in Node, `pages` in Chromium,
// `workers` in workerd), and in the demo's page (`demo`).
// `run.mjs [NAME…]` runs those; `--bench` alone measures, and runs no test. Builds and installs what is missing.
import { existsSync } from "node:fs";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { build } from "../../scripts/build.mjs";
import { at, run, RunError, seconds } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { freePorts } from "../support/listen.mjs";
import { importMap, installPacked } from "../support/pack.mjs";
import { serve } from "../support/serve.mjs";
import { closingLine, fail, tally } from "../support/tally.mjs";
import { startWorkers } from "../support/workerd.mjs";
import { startAperture, startBackend } from "./aperture.mjs";
import { removeAtEnd } from "./daemon.mjs";
import { testDemo } from "./demo.mjs";
import { openDesk } from "./desk.mjs";
import { prepareLnbits } from "./lnbits.mjs";
import { startNetwork } from "./network.mjs";
import { buildPrograms } from "./programs.mjs";
import { openWallets } from "./wallets.mjs";

const lastLine = (text) => JSON.parse(text.trimEnd().split("\n").at(-1));

/** A Node that has SQLite: buyers in two processes share a store. */
const NODE = at("tests/node_modules/node24/bin/node");

/** Runs a script of this folder in Node, where lnd's certificate is trusted. */
const inNode = async ({ folder, network, place }, script, ...args) => {
  const env = { NODE_EXTRA_CA_CERTS: network.buyer.certPath };
  return lastLine(
    await run(NODE, ["--no-warnings", join(folder, "interop", script), JSON.stringify(place), ...args], {
      cwd: folder,
      env,
      quiet: true,
    }),
  );
};

/** Runs a Worker of this folder, in workerd, where lnd's certificate is trusted. */
async function inWorkerd({ folder, network, place }, worker) {
  const { urls, close } = await startWorkers(join(folder, "interop/workerd"), { certificate: network.buyer.certPath });
  try {
    const response = await fetch(`${urls[worker]}/?${new URLSearchParams({ place: JSON.stringify(place) })}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${text}`);
    return JSON.parse(text);
  } finally {
    await close();
  }
}

/** Runs a script of this folder in a page of Chromium, with the package and `imports` in its import map. */
async function inChromium({ folder, place }, script, imports = {}) {
  const { exports } = JSON.parse(await readFile(join(folder, "node_modules/l402-fetch/package.json"), "utf8"));
  const map = importMap(exports);
  const site = await serve(folder, {
    "/": `<!doctype html><title>interop</title>
<script type="importmap">${JSON.stringify({ imports: { ...map.imports, ...imports } })}</script>
<script type="module" src="/interop/${script}"></script>`,
  });
  const opened = await openBrowser("chromium", { acceptInsecureCerts: true });
  try {
    return await opened.visit(`${site.url}/?${new URLSearchParams({ place: JSON.stringify(place) })}`, 180_000);
  } finally {
    await opened.close();
    await site.close();
  }
}

/** The SDK as one file, for a page without a bundler. */
async function bundleSdk({ folder }) {
  const { build: bundle } = await import("esbuild");
  const options = { bundle: true, format: "esm", logLevel: "error", absWorkingDir: at("tests") };
  await bundle({
    ...options,
    stdin: { contents: 'export * from "@getalby/sdk/nwc"', resolveDir: at("tests") },
    outfile: join(folder, "sdk.js"),
  });
}

const RUNTIMES = {
  async node(context) {
    const files = join(context.folder, "files");
    await mkdir(files);
    return inNode(context, "node.js", files);
  },
  workerd: (context) => inWorkerd(context, "suite"),
  chromium: (context) => inChromium(context, "page.js"),
  wallets: (context) => inNode(context, "wallets-node.js"),
  async pages(context) {
    await bundleSdk(context);
    return inChromium(context, "wallets-page.js", { "@getalby/sdk/nwc": "/sdk.js" });
  },
  workers: (context) => inWorkerd(context, "wallets"),
  demo: testDemo,
};

/** Everything that a runtime needs, up and running; `stop()` ends it. */
async function open() {
  const installed = await installPacked([at("tests/runtimes"), at("tests/interop")]);
  removeAtEnd(installed.folder);
  // the package looks for its optional peer beside itself, and Node 20 has no WebSocket of its own
  for (const name of ["@getalby", "ws"])
    await symlink(at(`tests/node_modules/${name}`), join(installed.folder, "node_modules", name));
  const start = Date.now();
  const network = await startNetwork();
  const backend = await startBackend();
  const plain = await startAperture(network, backend);
  const mpp = await startAperture(network, backend, { name: "aperture-mpp", mpp: true });
  console.log(`btcd, two lnd with a channel and two aperture, from nothing: ${seconds(start)}`);
  const wallets = await openWallets(network);
  console.log(`and LNbits, a Nostr relay and a wallet service: ${seconds(start)}`);
  const desk = await openDesk(network, backend, wallets.actions);
  const { buyer } = network;
  const [nobody] = await freePorts(1);
  return {
    start,
    network,
    folder: installed.folder,
    place: {
      plain: plain.url,
      mpp: mpp.url,
      desk: desk.url,
      node: { url: buyer.restUrl, macaroon: buyer.macaroonHex },
      // where nobody listens, and whose certificate the tests are not told to trust
      nowhere: `https://127.0.0.1:${nobody}`,
      stranger: network.seller.restUrl,
    },
    tails: () => [network.tails(), plain.daemon.tail(), mpp.daemon.tail(), wallets.tails()].join("\n"),
    async stop() {
      await Promise.all([plain.stop(), mpp.stop(), desk.stop(), backend.stop(), wallets.stop()]);
      await network.stop();
      await installed.remove();
    },
  };
}

async function test(runtime, context) {
  const suite = () => RUNTIMES[runtime]({ ...context, place: { ...context.place, runtime } });
  if (!(await tally(runtime, suite, { every: true }))) console.log(`the servers said last:\n${context.tails()}`);
}

async function bench(context) {
  const { first, ours, byHand } = await inNode(context, "bench.js", String(context.start));
  const ms = (value) => `${value.toFixed(1)} ms`;
  console.log(`\nfrom nothing to the first paid request, the programs being there: ${(first / 1000).toFixed(1)} s`);
  console.log(
    `one paid request in Node, median of 50: ${ms(ours)}; by hand with lnd's REST and fetch: ${ms(byHand)}; ${(ours / byHand).toFixed(2)} times`,
  );
}

try {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => arg !== "--bench");
  const unknown = names.filter((name) => !(name in RUNTIMES));
  if (unknown.length > 0)
    throw new RunError(`no such runtime: ${unknown.join(" ")}; there are: ${Object.keys(RUNTIMES).join(" ")}`);
  await setup("chromium");
  const installLnbits = await prepareLnbits();
  // Go waits for the processor, pip for the network
  await Promise.all([buildPrograms(), installLnbits()]);
  if (!existsSync(at("dist"))) await build();
  const context = await open();
  try {
    await bench(context);
    if (!args.includes("--bench"))
      for (const runtime of names.length > 0 ? names : Object.keys(RUNTIMES)) await test(runtime, context);
  } finally {
    await context.stop();
  }
} catch (error) {
  fail(`interop: ${error instanceof RunError ? error.message : error.stack}`);
}
// `--bench` alone runs no test
closingLine({ mayBeEmpty: true });
