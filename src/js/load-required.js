// For CommonJS, which knows no `import()` everywhere: Jest has none. The wasm is the file of the folder above.
import { readFileSync } from "node:fs";
import { compile, start } from "./load.js";
import { loader } from "./once.js";

const WASM = `${__dirname}/../l402_fetch.wasm`;

export const load = /* @__PURE__ */ loader(async () => start(await compile(readFileSync(WASM), WASM), WASM));
