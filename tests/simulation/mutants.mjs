// `node tests/simulation/mutants.mjs [NAME…]`: takes one safeguard at a time out of a copy of the core, and expects the
// simulation to fail. Prints which promise caught it, and after how many runs.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { at, run, RunError, seconds } from "../../scripts/lib.mjs";
import { closingLine, fail, pass } from "../support/tally.mjs";
import { changed, changesOf, MUTANTS } from "./mutants-list.mjs";

const work = at("target/mutants");

async function copy() {
  await mkdir(work, { recursive: true });
  for (const path of [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "docs",
    "src",
    "scripts",
    "tests/flow",
    "tests/simulation",
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

/** What caught it: the test, the promise, and after how many runs; undefined where nothing did. */
async function judge() {
  const args = ["test", "--locked", "--config", "profile.test.package.l402-fetch.opt-level=1", "--test", "simulation"];
  const env = { SIM_FIRST: "1", CARGO_TARGET_DIR: at("target") };
  try {
    await run("cargo", args, { cwd: work, env, quiet: true, both: true });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const [, test, how] = /thread '(\w+)' .*panicked at .*\n(.*)/.exec(error.output) ?? [];
    if (!test) throw error;
    const promise = how.replace(/^.*?: (?=[\w ]+: )/, "").replace(/: .*/, "");
    return { test, promise, runs: /after (\d+) runs/.exec(how)?.[1] ?? /SIM_SEED=(\d+)/.exec(how)?.[1] ?? "?" };
  }
}

const wanted = process.argv.slice(2);
const mutants = MUTANTS.filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
await copy();
for (const mutant of mutants) {
  const start = Date.now();
  const restore = await mutate(mutant);
  try {
    const caught = await judge();
    if (caught) pass(`| ${mutant[0]} | ${caught.promise} | ${caught.test}, ${caught.runs} runs | ${seconds(start)} |`);
    else fail(`| ${mutant[0]} | NOT CAUGHT | | ${seconds(start)} |`);
  } finally {
    await restore();
  }
}
closingLine();
