// Loads the wasm from this very bundle.
import { base64 } from "../l402_fetch.wasm.js";
import { compileBase64, start } from "./start.js";
import { loader } from "../core/once.js";
import * as signer from "../core/signer.js";

export const load = /* @__PURE__ */ loader(async () =>
  start(await compileBase64(base64), "l402-fetch/inline", async () => signer),
);
