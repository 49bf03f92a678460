import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { checkToolchain, RUST } from "../../scripts/toolchain.mjs";

test("a release is built with the Rust that is recorded, and with no other", () => {
  checkToolchain(`rustc ${RUST} (59807616e 2026-04-14)\n`);
  for (const other of ["1.88.0", `${RUST}-nightly`, `${RUST}1`]) {
    assert.throws(
      () => checkToolchain(`rustc ${other} (0 2026-01-01)\n`),
      (error) => error.message.includes(other) && error.message.includes(`RUSTUP_TOOLCHAIN=${RUST}`),
    );
  }
  assert.match(readFileSync(new URL("../../scripts/release.mjs", import.meta.url), "utf8"), /checkToolchain\(/);
  assert.throws(() => checkToolchain("command not found"), /none that tells its version/);
});

test("npm publish builds, and runs the packed tarball's tests", async () => {
  const { scripts } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal(scripts.prepublishOnly, "node scripts/prepublish.mjs");
  const script = await readFile(new URL("../../scripts/prepublish.mjs", import.meta.url), "utf8");
  const steps = ["checkToolchain(", "build()", "tests/package/run.mjs"].map((step) =>
    script.indexOf(step, script.indexOf("try {")),
  );
  assert.ok(
    steps.every((at, i) => at > (steps[i - 1] ?? 0)),
    steps.join(),
  );
});
