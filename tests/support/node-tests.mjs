// Runs every *.test.mjs of a folder, as `node --test` does, and closes with the line that `npm test` adds up.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

/** `words`: only the files whose name has one of them. `atOnce`: how many files; tests that mostly wait take more than there are cores.
 *  `forceExit`: what is left open in the end is not waited for. */
export function runFolder(folder, { words = [], timeout = 120_000, atOnce = true, forceExit = false } = {}) {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".test.mjs") && (words.length === 0 || words.some((word) => name.includes(word))))
    .map((name) => join(folder, name));
  let passed = 0;
  let failed = 0;
  const stream = run({ files, concurrency: atOnce, timeout, forceExit });
  const count =
    (by) =>
    ({ details }) => {
      if (details?.type !== "suite") by();
    };
  stream.on(
    "test:pass",
    count(() => passed++),
  );
  stream.on(
    "test:fail",
    count(() => failed++),
  );
  stream.on("end", () => {
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  report.on("end", () => console.log(`${passed} passed, ${failed} failed`));
}
