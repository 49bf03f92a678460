// The stores of rows as JavaScript, each one file.
import { build } from "esbuild";
import { at } from "../../../scripts/lib.mjs";

const STORES = [
  "memory-rows",
  "sqlite",
  "postgres",
  "redis",
  "indexeddb-rows",
  "durable-object-rows",
  "durable-object/ledger-rows",
];

/** Compiles every store into a folder: `FOLDER/sqlite.js` and so on. */
export const compile = (folder) =>
  build({
    entryPoints: STORES.map((name) => at(`src/js/stores/${name}.ts`)),
    outdir: folder,
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
