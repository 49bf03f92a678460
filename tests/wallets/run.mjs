// Runs the tests of this folder: each wallet module against a server that speaks its wire format. `run.mjs [WALLET…]`
import { runFolder } from "../support/node-tests.mjs";

// The NWC SDK leaves timers of a minute behind.
if (!process.env.NODE_TEST_CONTEXT)
  runFolder(import.meta.dirname, { words: process.argv.slice(2), atOnce: 3, forceExit: true });
