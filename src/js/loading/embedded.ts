// Loads the wasm as a module of base64, at first need. Deno asks no permission for a module, and every bundler includes
// it. Neither is true of a file that is read.
import { loader } from "../core/once.js";
import { loadSigner } from "./signer.js";

export const load = /* @__PURE__ */ loader(async () => {
  const [{ compileBase64, start }, { base64 }] = await Promise.all([
    import("./start.js"),
    import("../l402_fetch.wasm.js"),
  ]);
  return start(await compileBase64(base64), "l402_fetch.wasm.js", loadSigner);
});
