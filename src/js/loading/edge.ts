// Loads the wasm in the edge runtimes of Next.js and Vercel, which compile no bytes. `?module` tells their bundlers to
// deliver a compiled module. They refuse a bundle that could compile one.
import module from "../l402_fetch.wasm?module";
import type { Loaded } from "../core/fetch.js";
import { startNow } from "./bind.js";
import { loadSigner } from "./signer.js";

let started: Loaded | undefined;

export const load = async (): Promise<Loaded> => {
  started ??= startNow(module, "l402_fetch.wasm", loadSigner);
  return started;
};
