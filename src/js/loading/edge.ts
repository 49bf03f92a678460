// The edge runtimes of Next.js and Vercel compile no bytes either; their bundlers know a wasm that is to be a compiled module
// by `?module`, and refuse whatever could compile one.
import module from "../l402_fetch.wasm?module";
import type { Loaded } from "../core/fetch.js";
import { startNow } from "./bind.js";

let started: Loaded | undefined;

export const load = async (): Promise<Loaded> => {
  started ??= startNow(module, "l402_fetch.wasm");
  return started;
};
