// `npm run fuzz -- [SECONDS [TARGET…]]`: builds the fuzz targets, then runs each for so many seconds (60) and prints
// what it saw. Inputs that found something new are kept in target/fuzz/corpus, so that a later run goes on from there.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { at, find, root, run, RunError, seconds } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { closingLine, fail, pass } from "../support/tally.mjs";
import { hostile, seeds } from "./seeds.mjs";

// Beyond what each reader takes at most, so that the limits themselves are reached; stored texts have none.
const LONGEST = {
  challenge: 70_000,
  invoice: 8_000,
  macaroon: 70_000,
  mpp: 70_000,
  x402: 70_000,
  ledger: 16_000,
  config: 4_000,
};
// Each input is read in milliseconds; the rest is for a machine that is busy with other things.
const SECONDS_PER_INPUT = 30;

// What an input that was made to be slow may take at its best of a few tries, in milliseconds: a tenth of it on an idle
// machine.
const SLOW = 2000;
const TRIES = 5;

const target = at("target/fuzz");
// no sanitizer: the crate forbids unsafe code, and a stable toolchain will do
const FLAGS = ["--fuzz-dir", at("tests/fuzz"), "--sanitizer", "none", "--target-dir", target];

const [time = "60", ...only] = process.argv.slice(2);
const names = only.length > 0 ? only : Object.keys(seeds());
if (!/^[1-9]\d*$/.test(time) || names.some((name) => !(name in seeds()))) {
  console.error(`usage: npm run fuzz -- SECONDS [TARGET…], where a target is one of ${Object.keys(seeds()).join(" ")}`);
  process.exit(2);
}

async function folder(...path) {
  const made = join(target, ...path);
  await mkdir(made, { recursive: true });
  return made;
}

/** Inputs as files, in a folder that holds nothing else. */
async function files(inputs, ...path) {
  await rm(join(target, ...path), { recursive: true, force: true });
  const made = await folder(...path);
  await Promise.all(inputs.map((input, i) => writeFile(join(made, String(i)), input)));
  return made;
}

const filesIn = async (place) => (existsSync(place) ? (await readdir(place)).map((name) => join(place, name)) : []);

/** The last number behind a name in libFuzzer's output. */
const last = (text, pattern) => Number([...text.matchAll(pattern)].at(-1)?.[1] ?? 0);
const shown = (number) => number.toLocaleString("en");

async function fuzz(name) {
  const start = Date.now();
  const [corpus, artifacts] = [await folder("corpus", name), await folder("artifacts", name)];
  const program = join(target, `${await host()}/release`, name);
  const flags = [`-artifact_prefix=${artifacts}/`, `-timeout=${SECONDS_PER_INPUT}`, "-rss_limit_mb=1024"];
  const known = await filesIn(at(`tests/fuzz/regressions/${name}`));
  const slow = await filesIn(await files(hostile()[name], "hostile", name));
  try {
    // every input that once failed, and those made to be slow; then the search
    const longest = await longestOf(
      await run(program, [...flags, ...known, ...slow], { quiet: true, both: true }),
      program,
      flags,
    );
    const output = await run(
      program,
      [
        corpus,
        await files(seeds()[name], "seeds", name),
        ...flags,
        `-max_len=${LONGEST[name]}`,
        `-max_total_time=${time}`,
        "-print_final_stats=1",
      ],
      { quiet: true, both: true },
    );
    const runs = last(output, /number_of_executed_units: (\d+)/g);
    const edges = last(output, /\((\d+) inline 8-bit counters\)/g);
    pass(
      `${name}: ${shown(runs)} executions, ${shown(Math.round(runs / time))} a second; ${shown(last(output, /cov: (\d+)/g))} of ${shown(edges)} edges covered; ` +
        `${known.length} regressions, ${slow.length} hostile inputs in ${longest} ms at most, ${(await readdir(corpus)).length} inputs kept; ${seconds(start)}`,
    );
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const written = /Test unit written to (\S+)/.exec(error.output)?.[1];
    const input = written ?? [...error.output.matchAll(/^Running: (\S+)/gm)].at(-1)?.[1];
    fail(
      error.output
        .split("\n")
        .filter((line) => !/^#\d|^\s+NEW_FUNC|# Uses:/.test(line))
        .slice(-60)
        .map((line) => line.slice(0, 300))
        .join("\n"),
    );
    if (!input) console.error(`${name} failed: ${error.message}`);
    else {
      const [file, ...flags] = [input, ...FLAGS].map((part) => (part.startsWith(root) ? relative(root, part) : part));
      console.error(`${name} failed on ${file}; to replay it:\n  cargo fuzz run ${flags.join(" ")} ${name} ${file}`);
      if (written) console.error(`once it is mended, keep it in tests/fuzz/regressions/${name}/`);
    }
  }
}

/**
 * The milliseconds of the slowest input. One that was slow is tried again: what else the machine does is no fault of
 * the reader's.
 */
async function longestOf(output, program, flags) {
  let longest = 0;
  for (const [, file, ms] of output.matchAll(/^Executed (\S+) in (\d+) ms/gm)) {
    let best = Number(ms);
    for (let tries = 1; best > SLOW && tries < TRIES; tries++) {
      const again = await run(program, [...flags, file], { quiet: true, both: true });
      best = Math.min(best, last(again, /^Executed \S+ in (\d+) ms/gm));
    }
    if (best > SLOW) throw new RunError(`${relative(root, file)} took ${best} ms: reading is not linear`);
    longest = Math.max(longest, best);
  }
  return longest;
}

let triple;
async function host() {
  triple ??= /^host: (\S+)/m.exec(await run("rustc", ["-vV"], { quiet: true }))[1];
  return triple;
}

try {
  await setup("fuzz");
  if (!find("c++") && !find("g++") && !find("clang++"))
    throw new RunError("a C++ compiler is missing, which libFuzzer needs: install g++ or clang++");
  await run("cargo", ["fuzz", "build", ...FLAGS], { quiet: true });
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  fail(error.message);
  closingLine();
  process.exit();
}
for (const name of names) await fuzz(name);
closingLine();
