// Runs every *.test.mjs of a folder, as `node --test` does, and closes with the line that `npm test` adds up.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { closingLine, fail, pass } from "./tally.mjs";

/**
 * `words`: only the files whose name has one of them. `atOnce`: how many files; tests that mostly wait take more than
 * there are cores. `forceExit`: what is left open in the end is not waited for.
 */
export function runFolder(folder, { words = [], timeout = 120_000, atOnce = true, forceExit = false } = {}) {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".test.mjs") && (words.length === 0 || words.some((word) => name.includes(word))))
    .map((name) => join(folder, name));
  const stream = run({ files, concurrency: atOnce, timeout, forceExit });
  const isTest = ({ details }) => details?.type !== "suite";
  stream.on("test:pass", (event) => isTest(event) && pass());
  stream.on("test:fail", (event) => isTest(event) && fail());
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  report.on("end", () => closingLine());
}
