// Runs the tests of this folder, as `node --test tests/js/` does, and closes with the line that `npm test` adds up.
import { readdirSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

// `node --test` takes this file for a test as well.
if (!process.env.NODE_TEST_CONTEXT) {
  const files = readdirSync(here).filter((name) => name.endsWith(".test.mjs")).map((name) => here + name);
  let passed = 0;
  let failed = 0;
  const stream = run({ files, concurrency: true, timeout: 120_000 });
  const count = (by) => ({ details, nesting }) => {
    if (nesting === 0 && details?.type !== "suite") by();
  };
  stream.on("test:pass", count(() => passed++));
  stream.on("test:fail", count(() => failed++));
  stream.on("end", () => {
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  report.on("end", () => console.log(`${passed} passed, ${failed} failed`));
}
