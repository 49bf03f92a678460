// Runs the tests of this folder. They import the sources of src/js, in TypeScript.
import { runFolder } from "../support/node-tests.mjs";

process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} --import ${new URL("../support/typescript.mjs", import.meta.url)}`;

// `node --test` takes this file for a test as well.
if (!process.env.NODE_TEST_CONTEXT) runFolder(import.meta.dirname);
