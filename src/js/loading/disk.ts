// Loads the wasm in Node, from the file in the package. Reading it takes half as long as reading its bytes in base64,
// and another thread compiles it while the modules for it are loaded. If it can't be read, the bytes in base64 are
// used.
import { readFileSync } from "node:fs";
import { load as embedded } from "./embedded.js";
import { loader } from "../core/once.js";
import { loadSigner } from "./signer.js";

export const load = /* @__PURE__ */ loader(async () => {
  let compiling: Promise<WebAssembly.Module>;
  try {
    compiling = WebAssembly.compile(readFileSync(new URL("../l402_fetch.wasm", import.meta.url)));
  } catch {
    return embedded();
  }
  const [{ startNow, refused }, module] = await Promise.all([
    import("./bind.js"),
    compiling.catch((cause: unknown) => ({ cause })),
  ]);
  if ("cause" in module) throw refused("l402_fetch.wasm", module.cause);
  return startNow(module, "l402_fetch.wasm", loadSigner);
});
