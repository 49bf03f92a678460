// The workflow runs every step of `npm test`, and no other.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { at } from "../../scripts/lib.mjs";

test("every step of npm test is in a job of the workflow", async () => {
  const script = await readFile(at("scripts/test.mjs"), "utf8");
  const workflow = await readFile(at(".github/workflows/ci.yml"), "utf8");
  const [, table] = /^const STEPS = \{\n(.+?)^\};/ms.exec(script);
  const steps = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
  const jobs = [...workflow.matchAll(/steps: ([\w ]+) \}/g)].flatMap(([, names]) => names.split(" "));
  assert.ok(steps.length > 10, "the table of steps was not found");
  assert.deepEqual(new Set(jobs), new Set(steps));
});
