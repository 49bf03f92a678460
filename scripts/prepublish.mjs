// `npm publish` runs this first. It builds the package with the toolchain of releases, packs it, and tests that
// tarball. Any failure stops the publication.
import { build } from "./build.mjs";
import { at, run, RunError } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { checkToolchain } from "./toolchain.mjs";

try {
  checkToolchain(await run("rustc", ["--version"], { quiet: true }));
  // The tests of the tarball need Chromium.
  await setup("chromium");
  await build();
  await run(process.execPath, [at("scripts/size.mjs"), "--check"]);
  await run(process.execPath, [at("tests/package/run.mjs")]);
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  console.error(`not to be published: ${error.message}`);
  process.exitCode = 1;
}
