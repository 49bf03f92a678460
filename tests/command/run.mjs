// The command as it was built, in processes of its own, on the oldest Node that it takes and a newer one.
// `run.mjs [WORD…]` runs the files whose names have one of the words.
import { installFrameworks } from "../agents/frameworks.mjs";
import { runFolder } from "../support/node-tests.mjs";

if (!process.env.NODE_TEST_CONTEXT) {
  // for the clients of MCP
  await installFrameworks();
  runFolder(import.meta.dirname, { words: process.argv.slice(2), atOnce: 2, timeout: 300_000 });
}
