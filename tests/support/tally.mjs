// What suites came to: a line for each, what failed in it, and the closing line that `npm test` adds up.
import { seconds } from "../../scripts/lib.mjs";

let passed = 0;
let failed = 0;

const indented = (text) => `\n    ${text.replaceAll("\n", "\n    ")}`;

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
  const good = results.filter((result) => result.ok).length;
  passed += good;
  failed += results.length - good;
  for (const { name: what, ok, error, ms } of results) {
    const took = ms === undefined ? "" : ` (${ms} ms)`;
    if (!ok || every) console.log(`${ok ? "ok" : "failed"}: ${name}: ${what}${took}${ok ? "" : indented(error)}`);
  }
  console.log(`${name}: ${good} of ${results.length} in ${seconds(start)}`);
  return good === results.length;
}

/** Something that belongs to no suite went wrong. */
export function fail(message) {
  failed += 1;
  console.error(message);
}

/** The closing line, and the exit code: nothing run is nothing passed, except where nothing was to run. */
export function closingLine({ mayBeEmpty = false } = {}) {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || (passed === 0 && !mayBeEmpty) ? 1 : 0;
}
