// Starts the core from a wasm file that is fetched. Not every bundler copies that file. If it is missing, the wasm
// comes as a module: every bundler includes modules, in a chunk that is fetched only when it is needed.
import { loadFailed } from "../core/error.js";
import type { Loaded } from "../core/fetch.js";
import { loadSigner } from "./signer.js";
import { compileBase64, start as startModule } from "./start.js";

/** Starts the core. `url` is where the wasm is being fetched from; undefined in a bundle without an address. */
export async function start(fetching: Promise<Response>, url: string | undefined): Promise<Loaded> {
  let module: WebAssembly.Module | undefined;
  let found: unknown;
  let cause: unknown;
  try {
    const response = await fetching;
    const type = response.headers.get("content-type") ?? "";
    const isPage = /html/i.test(type);
    found = isPage ? "an HTML page" : `status ${response.status}`;
    if (response.ok && !isPage) {
      // With this type it can be compiled while it arrives.
      const { compileStreaming } = WebAssembly as Partial<typeof WebAssembly>;
      const streams = compileStreaming && /^application\/wasm\s*$/i.test(type);
      module = await (streams
        ? WebAssembly.compileStreaming(response)
        : WebAssembly.compile(await response.arrayBuffer()));
    }
  } catch (error) {
    cause = error;
    found = (error as Partial<Error> | undefined)?.message;
  }
  if (!module) {
    const spare = async () => import("../l402_fetch.wasm.js");
    const { base64 } = await spare().catch((error) => {
      throw loadFailed(
        `the wasm core could not be had from ${url} (${found}), nor as a module of the bundle: ` +
          'deploy all its files, or import "l402-fetch/inline", which has the wasm inside',
        cause ?? error,
      );
    });
    module = await compileBase64(base64);
  }
  return startModule(module, url as string, loadSigner);
}
