import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { at } from "../../scripts/lib.mjs";
import { MUTANTS, mutated } from "../simulation/mutants-list.mjs";

test("each mutant changes what stands exactly once in its file", () => {
  assert.ok(MUTANTS.length > 20);
  const broken = MUTANTS.flatMap((mutant) => {
    try {
      const source = readFileSync(at(`src/${mutant[1]}`), "utf8");
      return mutated(mutant, source) === source ? [`${mutant[0]}: it changes nothing`] : [];
    } catch (error) {
      return [error.message];
    }
  });
  assert.deepEqual(broken, []);
});
