// Runs the tests of this folder.
import { runFolder } from "../support/node-tests.mjs";

// `node --test` takes this file for a test as well.
if (!process.env.NODE_TEST_CONTEXT) runFolder(import.meta.dirname);
