// The edge runtimes of Next.js and Vercel compile no bytes either; their bundlers know a wasm that is to be a compiled module
// by `?module`, and refuse whatever could compile one.
import module from "./l402_fetch.wasm?module";
import { startNow } from "./bind.js";

let started;

export const load = async () => (started ??= startNow(module, "l402_fetch.wasm"));
