// `npm run test:tools [-- --quick | WORD…]`: the packed tarball in the tools that people build with, each at a pinned
// version, built and run for real: a 402, a wallet, 200. `--quick` is what `npm test` runs; a word runs the rows that
// have it in their tool's name, version or own name. `--record` writes what was measured into docs/runtimes.md.
// `KEEP=1` leaves each tool's last project in the cache, `TARBALL=…` tries another package than that of dist/.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, seconds } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { closingLine, fail, indented, pass } from "../support/tally.mjs";
import { checkDocs, record } from "./lib/docs.mjs";
import { hold, installed, nodeOf } from "./lib/install.mjs";
import { Project } from "./lib/project.mjs";
import { TOOLS } from "./tools.mjs";

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const isQuick = flags.includes("--quick");
const isRecord = flags.includes("--record");
const fullName = (stage, row) => {
  const name = row.entry === "l402-fetch/inline" ? `${row.name} (inline)` : row.name;
  return stage.name ? `${stage.name}: ${name}` : name;
};
const chosen = ({ tool, stage, row }) => {
  const name = `${tool.name} ${tool.version} ${fullName(stage, row)}`.toLowerCase();
  return (!isQuick || stage.quick) && (words.length === 0 || words.some((word) => name.includes(word.toLowerCase())));
};

/** What a call that went well leaves behind, whatever built it. */
const BOUGHT = { status: 200, amountMsat: 10_000, paidNow: true, spent: 10 };

await setup("chromium");
const { openBrowser } = await import("../support/browsers.mjs");
const temporary = await mkdtemp(join(tmpdir(), "l402-fetch-tools-"));
const pack = async () => {
  const [{ filename }] = JSON.parse(
    await run("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", temporary], {
      cwd: root,
      quiet: true,
    }),
  );
  return join(temporary, filename);
};
const tarball = process.env.TARBALL ?? (await pack());
const paywall = await startPaywall();
const chromium = await openBrowser("chromium");
const world = { paywall, chromium };

let shops = 0;
const measured = new Map();
let running;

const stats = async (shop) => (await fetch(`${paywall.base}/stats/${shop}?log=0`)).json();

/** Runs one row; throws what is wrong with it. */
async function judge(row, site, refusal, project) {
  const shop = `tool-${++shops}`;
  if (row.fails?.build) {
    assert.ok(refusal, "the build was expected to fail");
    assert.match(refusal.output ?? refusal.message, row.fails.build);
    return "build fails, as told";
  }
  if (refusal) throw refusal;
  const asked = row.ask(project, site, new URLSearchParams({ base: paywall.base, shop }));
  if (row.fails?.run) {
    const { output } = await asked.then(
      () => assert.fail("the program was expected to fail"),
      (error) => error,
    );
    assert.match(String(output), row.fails.run);
    assert.equal((await stats(shop)).payments, 0);
    return "fails, as told";
  }
  const results = await asked;
  const { payments, paidMsat } = await stats(shop);
  if (row.expect) {
    row.expect(results);
    return "works";
  }
  if (row.fails) {
    assert.equal(results.code, row.fails.code, results.stack);
    if (row.fails.code) assert.equal(results.ours, true, "the error is an L402Error");
    assert.match(results.error, row.fails.says);
    assert.equal(payments, 0);
    return `${row.fails.code ?? "fails"}, as told`;
  }
  assert.equal(results.error, undefined, results.stack);
  const { bought, ...rest } = results;
  assert.deepEqual(rest, BOUGHT);
  assert.equal(bought, `/shop/${shop}/thing`);
  assert.deepEqual({ payments, paidMsat }, { payments: 1, paidMsat: 10_000 });
  return "works";
}

function report(tool, stage, row, outcome, since, size) {
  const weight = size
    ? `${kilo(size.js)} js${size.wasm ? ` + ${kilo(size.wasm)} wasm` : ""}, ${kilo(size.gzip)} gz`
    : "";
  const name = `${tool.name} ${tool.version}`.padEnd(32);
  const columns = [name, fullName(stage, row).padEnd(50), outcome.padEnd(24), weight.padEnd(42)];
  console.log([...columns, seconds(since)].join(" "));
}
const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;

async function runStage(tool, stage, rows) {
  let project;
  let release;
  let site;
  let refusal;
  let since = Date.now();
  try {
    const folder = await installed(tool.folder ?? tool.home, tool.packages);
    const bin = await nodeOf(stage.node);
    release = await hold(folder);
    project = new Project({ tool, folder, bin, tarball, world });
    running = project;
    since = Date.now();
    await project.lay(stage.project);
    site = (await stage.open?.(project)) ?? {};
  } catch (error) {
    refusal = error;
  }
  for (const row of rows) {
    // the first row of a stage is what its build weighs
    const size = row === stage.rows[0] ? site?.size : undefined;
    try {
      const outcome = await judge(row, site, refusal, project);
      pass();
      report(tool, stage, row, outcome, since, size);
      measured.set(row, { size });
    } catch (error) {
      report(tool, stage, row, "FAILED", since, size);
      fail(indented(String(error.stack ?? error).slice(0, 2500)));
      if (site?.said) console.error(`    it said:${indented(site.said().slice(-1500))}`);
    }
    since = Date.now();
  }
  await project?.close();
  if (!process.env.KEEP) await project?.clear();
  await release?.();
}

// what a tool started is in a group of its own, which no Ctrl-C reaches
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await running?.close();
    process.exit(1);
  });
}

const begin = Date.now();
for (const tool of TOOLS) {
  for (const stage of tool.stages) {
    const rows = stage.rows.filter((row) => chosen({ tool, stage, row }));
    if (rows.length > 0) await runStage(tool, stage, rows);
  }
}
await chromium.close();
await paywall.close();
await rm(temporary, { recursive: true, force: true });
if (isRecord) await record(TOOLS, measured);
if (words.length === 0) {
  try {
    await checkDocs(TOOLS);
    pass();
  } catch (error) {
    fail(`FAILED: docs/runtimes.md: ${error.message}`);
  }
}
console.log(`\nin ${seconds(begin)}`);
closingLine();
process.exit();
