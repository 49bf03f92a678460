// The core from a wasm file that is fetched. Where it can't be had, the wasm is taken as a module: every bundler brings modules
// along, in a chunk that is not fetched before it is needed, and not every one copies the file.
import { loadFailed } from "../core/error.js";
import type { Loaded } from "../core/fetch.js";
import { compileBase64, start as startModule } from "./start.js";

/** Starts the core from the wasm that is being fetched from `url`, which is undefined where a bundle has no address. */
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
      // While it arrives, where the type allows that.
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
  return startModule(module, String(url));
}
