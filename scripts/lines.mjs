// Names every line of the sources that is longer than 120 characters. `node scripts/lines.mjs`
// A string, a template or a pattern may make its line longer: no formatter breaks it, and it can be searched for whole.
import { readFile } from "node:fs/promises";
import { at, run } from "./lib.mjs";

const MOST = 120;
/** A literal of 40 characters or more. It may make its line too long. */
const LITERAL = /(["'`/])(?:(?!\1)[^\\]|\\.){40,}/;
/** A row of a table in a comment. It can't be broken. */
const isRow = (line) => /^\s*\/\/[/!]? \|/.test(line);
const isComment = (line) => /^\s*(\/\/|\/?\*)/.test(line);

const files = await run("git", ["ls-files", "*.js", "*.mjs", "*.cjs", "*.ts", "*.rs"], { quiet: true });
let found = 0;
let passed = 0;
for (const file of files.split("\n").filter((name) => name && !name.includes("vectors/"))) {
  const lines = (await readFile(at(file), "utf8")).split("\n");
  const long = lines.flatMap((line, index) =>
    line.length > MOST && (isComment(line) ? !isRow(line) : !LITERAL.test(line) && !line.includes('r#"'))
      ? [`${file}:${index + 1}`]
      : [],
  );
  for (const place of long) console.error(`${place}: longer than ${MOST} characters`);
  if (long.length === 0) passed++;
  found += long.length;
}
console.log(`${passed} passed, ${found} failed`);
process.exitCode = found > 0 ? 1 : 0;
