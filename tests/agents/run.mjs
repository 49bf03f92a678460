// Buys with the frameworks that agents are written with, each in its own loop, with a model that follows a script.
// `run.mjs [WORD…]` runs the files whose names have one of the words. Installs what is missing.
import { at, run } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { runFolder } from "../support/node-tests.mjs";
import { checkTypes, installFrameworks } from "./frameworks.mjs";

const words = process.argv.slice(2);
const isOld = Number(process.versions.node.split(".")[0]) < 24;

// `node --test` takes this file for a test as well.
if (process.env.NODE_TEST_CONTEXT) process.exit();
if (isOld) {
  await setup("packages");
  await installFrameworks();
  if (words.length === 0) await checkTypes();
  // Most frameworks need Node 22 or newer.
  const newer = at("tests/node_modules/node24/bin/node");
  process.exitCode = await run(newer, ["--no-warnings", import.meta.filename, ...words]).then(
    () => 0,
    () => 1,
  );
} else {
  process.env.NODE_OPTIONS = `--import ${new URL("resolve.mjs", import.meta.url)}`;
  runFolder(import.meta.dirname, { words, forceExit: true });
}
