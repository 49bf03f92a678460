// workerd compiles no bytes; it hands out modules that were compiled when the Worker was deployed. They are instantiated
// synchronously: a promise that one request leaves pending would hang every other that awaits it.
import module from "./l402_fetch.wasm";
import { startNow } from "./bind.js";

let started;

export const load = async () => (started ??= startNow(module, "l402_fetch.wasm"));
