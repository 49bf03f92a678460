// What tests came to: a line for each that says something, and the closing line that `npm test` adds up.
import { seconds } from "../../scripts/lib.mjs";

let passed = 0;
let failed = 0;

export const indented = (text) => `\n    ${String(text).replaceAll("\n", "\n    ")}`;

/** Counts a test that passed. */
export function pass(line) {
  passed += 1;
  if (line) console.log(line);
}

/** Counts a test that failed, or whatever else went wrong. */
export function fail(line) {
  failed += 1;
  if (line) console.error(line);
}

/**
 * Runs a suite to its results. One that can't be run has failed.
 *
 * @param {string} name where it runs
 * @param {() => Promise<{ name: string, ok: boolean, error?: string, ms?: number }[]>} suite
 * @param {{ every?: boolean }} [options] `every`: shows what passed, too
 * @returns {Promise<boolean>} whether all passed
 */
export async function tally(name, suite, { every = false } = {}) {
  const start = Date.now();
  let results;
  try {
    results = await suite();
  } catch (error) {
    results = [{ name: "the runner", ok: false, error: error.stack }];
  }
  for (const { name: what, ok, error, ms } of results) {
    const took = ms === undefined ? "" : ` (${ms} ms)`;
    if (ok) pass(every && `ok: ${name}: ${what}${took}`);
    else fail(`failed: ${name}: ${what}${took}${indented(error)}`);
  }
  const good = results.filter((result) => result.ok).length;
  console.log(`${name}: ${good} of ${results.length} in ${seconds(start)}`);
  return good === results.length;
}

/** Runs tests by name, one after another: those whose names have all of `words`. */
export async function runEach(tests, words = []) {
  for (const [name, test] of Object.entries(tests).filter(([name]) => words.every((word) => name.includes(word)))) {
    const start = Date.now();
    try {
      await test();
      pass(`ok: ${name} (${seconds(start)})`);
    } catch (error) {
      fail(`failed: ${name}${indented(error.stack)}`);
    }
  }
}

/** The closing line, and the exit code: nothing run is nothing passed, except where nothing was to run. */
export function closingLine({ mayBeEmpty = false } = {}) {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || (passed === 0 && !mayBeEmpty) ? 1 : 0;
}
