// `npm publish` runs this first: the package is built with the toolchain that releases are built with, packed, and what
// was packed is tested as a user gets it. Whatever fails keeps it from being published.
import { build } from "./build.mjs";
import { at, run, RunError } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { checkToolchain } from "./toolchain.mjs";

try {
  checkToolchain(await run("rustc", ["--version"], { quiet: true }));
  // the packed tarball's tests want Chromium
  await setup("chromium");
  await build();
  await run(process.execPath, [at("scripts/size.mjs"), "--check"]);
  await run(process.execPath, [at("tests/package/run.mjs")]);
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  console.error(`not to be published: ${error.message}`);
  process.exitCode = 1;
}
