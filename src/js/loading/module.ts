// workerd compiles no bytes; it hands out modules that were compiled when the Worker was deployed. They are instantiated
// synchronously: a promise that one request leaves pending would hang every other that awaits it.
import module from "../l402_fetch.wasm";
import type { Loaded } from "../core/fetch.js";
import { startNow } from "./bind.js";

let started: Loaded | undefined;

export const load = async (): Promise<Loaded> => {
  started ??= startNow(module, "l402_fetch.wasm");
  return started;
};
