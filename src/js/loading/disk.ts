// For Node, where the wasm is a file beside this one: half as long to read as its bytes in base64, and compiled on a thread of its
// own while the modules that go with it are loaded. Where it can't be read, the bytes are taken.
import { readFileSync } from "node:fs";
import { load as embedded } from "./embedded.js";
import { loader } from "../core/once.js";

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
  return startNow(module, "l402_fetch.wasm");
});
