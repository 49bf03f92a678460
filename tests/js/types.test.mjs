// `npm test` checks tests/types with DOM types; here the same declarations with Node's own types alone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { at } from "../../scripts/lib.mjs";

test("the declarations need no DOM types", () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [at("node_modules/typescript/bin/tsc"), "--project", at("tests/types/tsconfig.node.json")],
    { encoding: "utf8" },
  );
  assert.equal(stdout, "");
  assert.equal(status, 0);
});
