import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { at } from "../../scripts/lib.mjs";
import { changed, changesOf, MUTANTS } from "../simulation/mutants-list.mjs";

test("each mutant changes a text that stands exactly once in its file", () => {
  assert.ok(MUTANTS.length > 20);
  const broken = [];
  for (const mutant of MUTANTS) {
    for (const [file, changes] of changesOf(mutant)) {
      try {
        const source = readFileSync(at(`src/${file}`), "utf8");
        if (changed(file, source, changes) === source) broken.push(`${mutant[0]}: ${file}: nothing is changed`);
      } catch (error) {
        broken.push(`${mutant[0]}: ${error.message}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});
