// `node tests/simulation/mutants.mjs [NAME…]`: takes one safeguard at a time out of a copy of the core, and expects the
// simulation to fail, or else a test. Prints which promise or test caught it, and after how many runs. What caught a
// mutant the last time is tried first.
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { at, run, RunError, seconds } from "../../scripts/lib.mjs";
import { closingLine, fail, pass } from "../support/tally.mjs";
import { changed, changesOf, MUTANTS } from "./mutants-list.mjs";

const work = at("target/mutants");
const lastTime = at("target/mutants.json");
// What ends in no such time hangs, or is too slow to be let through.
const MOST_SECONDS = 600;
const SIMULATION = ["--test", "simulation"];
const TESTS = ["--lib", "--test", "flow", "--test", "certainty", "--test", "ledger"];

async function copy() {
  await mkdir(work, { recursive: true });
  for (const path of [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "docs",
    "src",
    "scripts/bindgen",
    "scripts/sodium",
    "tests/flow",
    "tests/invoices",
    "tests/simulation",
    "tests/steps",
    "tests/certainty.rs",
    "tests/ledger.rs",
    "tests/support/paywall",
  ]) {
    await cp(at(path), `${work}/${path}`, { recursive: true, preserveTimestamps: true });
  }
}

/** Changes the copy, and says how to bring it back. */
async function mutate(mutant) {
  const before = [];
  for (const [file, changes] of changesOf(mutant)) {
    const path = `${work}/src/${file}`;
    const source = await readFile(path, "utf8");
    await writeFile(path, changed(file, source, changes));
    before.push([path, source]);
  }
  return async () => {
    for (const [path, source] of before) await writeFile(path, source);
  };
}

/** Runs tests on the copy: all, or one. The name of the first that fails, and how; undefined where all pass. */
async function firstFailure(tests, one = []) {
  const optimized = ["--config", "profile.test.package.l402-fetch.opt-level=1"];
  const args = ["test", "--locked", ...optimized, ...tests, "--", ...one];
  // The copy has a target folder of its own: in a shared one cargo takes the build of one tree for the other's.
  const env = { SIM_FIRST: "1", RUST_BACKTRACE: "0", CARGO_TARGET_DIR: `${work}/target` };
  try {
    await run("cargo", args, { cwd: work, env, quiet: true, both: true, limit: MOST_SECONDS });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    if (error.message.endsWith("ended with SIGKILL")) return ["the time limit", ""];
    const [, test, how] = /thread '([\w:]+)' .*panicked at .*\n(.*)/.exec(error.output) ?? [];
    if (!test) throw error;
    return [test, how];
  }
}

/** What caught it; undefined where nothing did. `test`: what caught it the last time. */
async function judge(test) {
  const again = /^[\w:]+$/.test(test) ? [SIMULATION, TESTS].map((tests) => [tests, [test, "--exact"]]) : [];
  let found;
  for (const [tests, one] of [...again, [SIMULATION], [TESTS]]) found ??= await firstFailure(tests, one);
  if (!found) return;
  const [by, how] = found;
  const promise = /^(?:.*?: )?([\w ]+): .*\(after (\d+) runs\)/.exec(how) ?? /SIM_SEED=(\d+).*?: ([\w ]+): /.exec(how);
  return { by, how: promise ? promise.slice(1).join(", ") : "" };
}

const caughtBy = existsSync(lastTime) ? JSON.parse(await readFile(lastTime, "utf8")) : {};
const wanted = process.argv.slice(2);
const mutants = MUTANTS.filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
await copy();
for (const mutant of mutants) {
  const [name] = mutant;
  const start = Date.now();
  const restore = await mutate(mutant);
  try {
    const caught = await judge(caughtBy[name]);
    if (caught) pass(`| ${name} | ${caught.by} | ${caught.how} | ${seconds(start)} |`);
    else fail(`| ${name} | NOT CAUGHT | | ${seconds(start)} |`);
    caughtBy[name] = caught?.by;
    await writeFile(lastTime, JSON.stringify(caughtBy));
  } finally {
    await restore();
  }
}
closingLine();
