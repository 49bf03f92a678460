// For CommonJS, which knows no `import()` everywhere: Jest has none. The wasm is the file beside the folder of all CommonJS.
import { readFileSync } from "node:fs";
import { compile, start } from "./start.js";
import { loader } from "../core/once.js";

const WASM = `${__dirname}/../../l402_fetch.wasm`;

export const load = /* @__PURE__ */ loader(async () => start(await compile(readFileSync(WASM), WASM), WASM));
