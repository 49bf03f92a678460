// `npm test` checks tests/types with DOM types; here the same declarations with Node's own types alone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";

const tests = fileURLToPath(new URL("../", import.meta.url));

test("index.d.ts needs no DOM types", () => {
  const { status, stdout } = spawnSync(
    `${tests}node_modules/.bin/tsc`,
    ["--project", `${tests}types/tsconfig.node.json`],
    { encoding: "utf8" },
  );
  assert.equal(stdout, "");
  assert.equal(status, 0);
});
