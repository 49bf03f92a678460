// Loads the wasm in workerd, which compiles no bytes, but has modules that were compiled when the Worker was deployed.
// They are instantiated synchronously: a request that awaits a promise of another, ended one would hang.
import module from "../l402_fetch.wasm";
import type { Loaded } from "../core/fetch.js";
import { startNow } from "./bind.js";
import { loadSigner } from "./signer.js";

let started: Loaded | undefined;

export const load = async (): Promise<Loaded> => {
  started ??= startNow(module, "l402_fetch.wasm", loadSigner);
  return started;
};
