// Where modules come from a disk the wasm comes as one, too, at first need: Deno asks no permission for a module, and
// every bundler takes it along, which is more than can be said of a file that is read.
import { loader } from "../core/once.js";

export const load = /* @__PURE__ */ loader(async () => {
  const [{ compileBase64, start }, { base64 }] = await Promise.all([
    import("./start.js"),
    import("../l402_fetch.wasm.js"),
  ]);
  return start(await compileBase64(base64), "l402_fetch.wasm.js");
});
