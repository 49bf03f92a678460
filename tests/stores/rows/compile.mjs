// The stores as JavaScript, each one file.
import { build } from "esbuild";
import { at } from "../../../scripts/lib.mjs";

const STORES = ["sqlite", "indexeddb", "postgres", "redis", "durable-object", "durable-object/ledger"];

/** Compiles every store into a folder: `FOLDER/sqlite.js` and so on. */
export const compile = (folder) =>
  build({
    entryPoints: [
      { in: at("src/js/core/memory.ts"), out: "memory" },
      ...STORES.map((name) => ({ in: at(`src/js/stores/${name}.ts`), out: name })),
    ],
    outdir: folder,
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
