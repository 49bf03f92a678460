// Binds core.js to the wasm. Nothing here names a function that compiles: edge runtimes refuse bundles that do.
import { clientOf } from "../core/client.js";
import { __wbg_set_wasm, Core, imports, parse } from "../core.js";
import { type L402Error, loadFailed } from "../core/error.js";
import type { Loaded } from "../core/fetch.js";
import { memoryStore } from "../core/memory.js";
import { parsersOf } from "../core/parsers.js";
import type { LoadSigner } from "../core/signer.js";

/** Why the engine refused to compile, or where `module` is given to instantiate, the wasm that came from `source`. */
export function refused(source: string, cause: unknown, module?: WebAssembly.Module): L402Error {
  const reason = String((cause as Partial<Error> | undefined)?.message ?? cause);
  if (typeof WebAssembly === "undefined") {
    return loadFailed("this runtime has no WebAssembly, or it is switched off: l402-fetch can't run here", cause);
  }
  if (module && WebAssembly.Module.imports(module).some((wanted) => !(wanted.module in imports))) {
    return loadFailed(
      `the wasm core from ${source} is of another build than core.js, which a cache or a deployment kept: reload, or deploy both`,
      cause,
    );
  }
  if (/content.security|unsafe-eval|\bcsp\b/i.test(reason)) {
    return loadFailed(
      "the page's content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src; in an extension's manifest: " +
        `"content_security_policy": { "extension_pages": "script-src 'self' 'wasm-unsafe-eval'" }`,
      cause,
    );
  }
  if (/disallowed by embedder/i.test(reason)) {
    return loadFailed(
      'this runtime compiles no wasm from bytes: bundle "l402-fetch" with the condition "workerd" or "edge-light"',
      cause,
    );
  }
  return loadFailed(`the wasm core from ${source} could not be compiled: ${reason}`, cause);
}

/** Binds core.js to an instance of the wasm: what `load()` resolves with. */
export function bind({ exports }: WebAssembly.Instance, loadSigner: LoadSigner): Loaded {
  __wbg_set_wasm(exports);
  (exports.__wbindgen_start as () => void)();
  return {
    clientOf: (config, given) => clientOf(Core, config, { ...given, loadSigner }),
    parsers: parsersOf(parse, loadSigner),
    memoryStore,
  };
}

/** Instantiates a compiled module at once, for where a promise may freeze with the request that made it. */
export function startNow(module: WebAssembly.Module, source: string, loadSigner: LoadSigner): Loaded {
  try {
    return bind(new WebAssembly.Instance(module, imports), loadSigner);
  } catch (cause) {
    throw refused(source, cause, module);
  }
}
