// `npm run bench`: what a call costs beside raw fetch, two fetches by hand and the peer; what strangers send, decoded
// by everybody; and a cold start. In Node, Chromium and workerd, in one run. Prints medians and ratios; asserts
// nothing.
import { fork } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";
import { growth } from "./growth.mjs";
import { cold } from "./cold.mjs";
import { command } from "./command.mjs";
import { print } from "./compare.mjs";
import { withoutNode } from "./peers.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 1500);

if (process.argv[2] === "command") {
  await command();
  process.exit();
}
if (process.argv[2] === "growth") {
  await growth(process.argv.slice(3));
  process.exit();
}
await setup("bench");
const site = await mkdtemp(join(tmpdir(), "l402-bench-"));
const server = fork(new URL("server.mjs", import.meta.url), { env: { ...process.env, BENCH_SITE: site } });
const [[origin, ...crowds]] = await once(server, "message");

const read = async (path) => JSON.parse(await readFile(at(path), "utf8"));
const aperture = await read("tests/vectors/aperture.json");
const vectors = {
  invoices: (await read("tests/vectors/lnd-invoices.json")).map(({ invoice }) => invoice),
  headers: aperture.map(({ header }) => header),
  tokens: aperture.map(({ l402 }) => l402.macaroon),
};

function tell(title, results) {
  if ("us" in results[0]) return print(title, results);
  console.log(title);
  const [first] = results;
  for (const { name, ms, payments, megabytes, peak } of results) {
    const figures =
      ms === undefined
        ? `${megabytes.toFixed(0).padStart(9)} MB/s${(megabytes / first.megabytes).toFixed(3).padStart(7)} x${peak ? `   at most ${Math.round(peak / 2 ** 20)} MiB` : ""}`
        : `${ms.toFixed(0).padStart(9)} ms${(ms / first.ms).toFixed(3).padStart(9)} x   ${payments} payments`;
    console.log(`  ${name.padEnd(44)}${figures}`);
  }
}

async function inNode() {
  console.log(
    `\n== Node ${process.version}, ${ROUNDS} rounds on loopback: median, median of the ratios to the first of the same round (middle half)`,
  );
  const { patch } = await import("./clients.mjs");
  patch();
  const { measure } = await import("./rounds.mjs");
  const l402 = await import("@getalby/lightning-tools/402");
  const alby = {
    ...l402,
    ...(await import("@getalby/lightning-tools/402/l402")),
    ...(await import("@getalby/lightning-tools/bolt11")),
  };
  const [ours, light, bolt11, macaroon] = await Promise.all([
    import("../dist/node.js"),
    import("light-bolt11-decoder"),
    import("bolt11"),
    import("macaroon"),
  ]);
  const peers = { light, bolt11: bolt11.default, macaroon: macaroon.default };
  await measure(
    { origin, crowds: crowds[0], rounds: ROUNDS, ours, alby, peers, vectors, watch: () => process.memoryUsage().rss },
    tell,
  );
}

async function inChromium() {
  const { build } = await import(at("tests/node_modules/esbuild/lib/main.js"));
  await build({
    entryPoints: [at("bench/page.mjs")],
    outfile: join(site, "page.js"),
    bundle: true,
    format: "esm",
    logLevel: "error",
    external: ["./ours/*", "./given.js"],
    plugins: [withoutNode],
  });
  await writeFile(
    join(site, "page.html"),
    `<!doctype html><title>bench</title><script type="module" src="page.js"></script>`,
  );
  await writeFile(
    join(site, "given.js"),
    `export default ${JSON.stringify({ origin, crowds: origin, rounds: Math.ceil(ROUNDS / 3), vectors })}`,
  );
  const { openBrowser } = await import("../tests/support/browsers.mjs");
  const chromium = await openBrowser("chromium");
  try {
    console.log(
      `\n== Chromium ${(await chromium.browser.version()).replace(/^.*\//, "")}, ${Math.ceil(ROUNDS / 3)} rounds`,
    );
    for (const { title, results } of await chromium.visit(`${origin}/site/page.html`, 600_000)) tell(title, results);
  } finally {
    await chromium.close();
  }
}

try {
  // its modules as they are, beside the page
  await cp(at("dist"), join(site, "ours"), { recursive: true });
  await inNode();
  await inChromium();
  await cold({ site, origin, invoice: vectors.invoices[0] });
} finally {
  server.disconnect();
  await rm(site, { recursive: true, force: true });
}
