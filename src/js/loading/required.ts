// Loads the wasm in CommonJS, without `import()`, which Jest does not have. The file is beside the folder `cjs`.
import { readFileSync } from "node:fs";
import { compile, start } from "./start.js";
import { loader } from "../core/once.js";
import { loadSigner } from "./signer.js";

const WASM = `${__dirname}/../../l402_fetch.wasm`;

export const load = /* @__PURE__ */ loader(async () =>
  start(await compile(readFileSync(WASM), WASM), WASM, loadSigner),
);
