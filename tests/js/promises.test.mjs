// docs/promises.md names tests. They exist, each promise has some, and no promise names a test twice.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { at } from "../../scripts/lib.mjs";

/** Whether a file defines a test: as a Rust function after its attribute, or as a name in a JavaScript suite. */
const isDefined = (text, file, name) =>
  file.endsWith(".rs") ? new RegExp(`#\\[test\\]\\s+fn ${name}\\(`).test(text) : text.includes(JSON.stringify(name));

test("every promise has tests, and every test that it names exists", async () => {
  const sections = (await readFile(at("docs/promises.md"), "utf8")).split(/^## /m).slice(1);
  const numbers = sections.map((section) => Number(/^\d+/.exec(section)));
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const missing = [];
  for (const [index, section] of sections.entries()) {
    const named = [...section.matchAll(/^- `([^`]+)`: `([^`]+)`$/gm)];
    const lines = section.split("\n").filter((line) => line.startsWith("- "));
    assert.equal(named.length, lines.length, `promise ${index + 1} lists something that is no \`file\`: \`test\``);
    assert.ok(named.length > 0, `promise ${index + 1} has no test`);
    assert.equal(new Set(lines).size, lines.length, `promise ${index + 1} names a test twice`);
    for (const [, file, name] of named) {
      const text = await readFile(at(file), "utf8").catch(() => "");
      if (!isDefined(text, file, name)) missing.push(`${index + 1}: ${file}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});
