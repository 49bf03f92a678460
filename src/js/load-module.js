// workerd compiles no bytes; it hands out modules that were compiled when the Worker was deployed. They are instantiated
// synchronously: a promise that one request leaves pending would hang every other that awaits it.
import { booksOf } from "./books.js";
import * as core from "./core.js";
import { environment } from "./env.js";
import module from "./l402_fetch.wasm";
import { bind, refused } from "./load.js";

let started = false;

export async function load() {
  try {
    if (!started) bind(core, new WebAssembly.Instance(module, { core }));
    started = true;
  } catch (cause) {
    throw refused("l402_fetch.wasm", cause);
  }
  return { core, environment, booksOf };
}
