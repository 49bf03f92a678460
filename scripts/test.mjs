// `npm test [-- STEP…]`: sets up, builds, and runs every test, or only the named steps. Stops at the first failure.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { build } from "./build.mjs";
import { at, run, RunError, seconds } from "./lib.mjs";
import { setup } from "./setup.mjs";

const WASM = ["--target", "wasm32-unknown-unknown"];
const cargo =
  (...args) =>
  () =>
    run("cargo", args, { tee: true });
const node =
  (file, ...args) =>
  () =>
    run(process.execPath, [at(file), ...args], { tee: true });
const wasmPack =
  (test, ...args) =>
  () =>
    run("wasm-pack", ["test", ...args, "--mode", "no-install", ".", "--locked", "--test", test], {
      tee: true,
      env: { WASM_BINDGEN_TEST_TIMEOUT: "120" },
    });
const all =
  (...tasks) =>
  async () => {
    let out = "";
    for (const task of tasks) out += await task();
    return out;
  };

/** The steps in order. Quick steps, and those that find most faults, come first. */
const STEPS = {
  fmt: all(
    cargo("fmt", "--all", "--check"),
    cargo("fmt", "--manifest-path", at("tests/fuzz/Cargo.toml"), "--check"),
    cargo("fmt", "--manifest-path", at("tests/servers/programs/l402_middleware/Cargo.toml"), "--check"),
  ),
  clippy: all(
    cargo("clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"),
    cargo("clippy", "--locked", "--lib", ...WASM, "--", "-D", "warnings"),
  ),
  lint: all(
    node("node_modules/@biomejs/biome/bin/biome", "ci", "--error-on-warnings"),
    node("node_modules/typescript/bin/tsc", "--project", at("src/js"), "--noEmit"),
    node("node_modules/typescript/bin/tsc", "--project", at("src/js/command")),
    node("scripts/lines.mjs"),
  ),
  rust: cargo("test", "--locked", "--no-fail-fast"),
  // Only this crate is optimized, not its dependencies. It builds in seconds, and makes many times as many runs.
  simulation: cargo(
    "test",
    "--locked",
    "--config",
    "profile.test.package.l402-fetch.opt-level=2",
    "--test",
    "simulation",
  ),
  fuzz: node("tests/fuzz/run.mjs", "4"),
  build: () => build().then(() => ""),
  size: node("scripts/size.mjs", "--check"),
  js: node("tests/js/run.mjs"),
  types: () =>
    run(process.execPath, [at("node_modules/typescript/bin/tsc"), "--project", at("tests/types")], { tee: true }),
  runtimes: node("tests/runtimes/run.mjs"),
  stores: all(node("tests/stores/run.mjs"), node("tests/fleet/run.mjs")),
  rows: node("tests/stores/rows/run.mjs"),
  wallets: node("tests/wallets/run.mjs"),
  command: node("tests/command/run.mjs"),
  agents: node("tests/agents/run.mjs"),
  package: node("tests/package/run.mjs"),
  tools: node("tests/tools/run.mjs", "--quick"),
  docs: node("scripts/docs.mjs"),
  readme: node("tests/readme/run.mjs"),
  demo: node("tests/demo/run.mjs"),
  wasm: all(wasmPack("wasm", "--node"), wasmPack("wasm_browser", "--headless", "--chrome", "--firefox")),
  crate: all(
    () => run("cargo", ["doc", "--locked", "--no-deps", "--lib"], { tee: true, env: { RUSTDOCFLAGS: "-D warnings" } }),
    cargo("package", "--locked", "--allow-dirty"),
  ),
};

/** The numbers of tests in a step's output: from cargo's lines, or from the last line of one of our scripts. */
function count(output) {
  let passed = 0;
  let failed = 0;
  const add = (pattern) => {
    for (const match of output.matchAll(pattern)) {
      passed += Number(match[1]);
      failed += Number(match[2]);
    }
  };
  add(/^test result: \w+\. (\d+) passed; (\d+) failed/gm);
  add(/^(\d+) passed, (\d+) failed$/gm);
  return { passed, failed };
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(" ")}; there are: ${Object.keys(STEPS).join(" ")}`);
  process.exit(2);
}
const names = wanted.length > 0 ? wanted : Object.keys(STEPS);

const begin = Date.now();
let passed = 0;
let failed = 0;
let current = "setup";
try {
  await setup("test");
  // Without the step `build`, the others use the package that was built last.
  if (!existsSync(at("dist")) && !names.includes("build")) names.unshift("build");
  await mkdir(at("target"), { recursive: true });
  for (current of names) {
    const start = Date.now();
    console.log(`\n== ${current}`);
    const counts = count(await STEPS[current]());
    passed += counts.passed;
    failed += counts.failed;
    console.log(`== ${current}: ${counts.passed ? `${counts.passed} passed, ` : ""}${seconds(start)}`);
  }
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  const counts = count(error.output);
  passed += counts.passed;
  failed += Math.max(counts.failed, 1);
  console.error(`\n== ${current} failed: ${error.message}`);
}
console.log(`\nin ${seconds(begin)}`);
if (wanted.length === 0)
  console.log(
    "not among these: npm run test:interop, which buys with real Lightning payments between two lnd nodes; npm run test:servers, server libraries from the registries; npm run test:tools, all tools that people build with",
  );
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
