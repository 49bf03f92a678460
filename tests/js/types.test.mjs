// `npm test` checks tests/types with DOM types. Here the declarations are checked with those of Node, and of databases'
// clients.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { at } from "../../scripts/lib.mjs";

for (const [name, what] of Object.entries({
  node: "the declarations need no DOM types",
  clients: "the stores take the databases' clients, by the clients' own types",
})) {
  test(what, () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [at("node_modules/typescript/bin/tsc"), "--project", at(`tests/types/tsconfig.${name}.json`)],
      { encoding: "utf8" },
    );
    assert.equal(stdout, "");
    assert.equal(status, 0);
  });
}
