// The command as it was built, in processes of its own, on the oldest Node that it takes and a newer one.
// `run.mjs [WORD…]` runs the files whose names have one of the words.
import { runFolder } from "../support/node-tests.mjs";

if (!process.env.NODE_TEST_CONTEXT)
  runFolder(import.meta.dirname, { words: process.argv.slice(2), atOnce: 2, timeout: 300_000 });
