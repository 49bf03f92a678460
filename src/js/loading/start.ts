// Compiles and starts the wasm, or says why that fails. The loaders load this at first need.
import { bind, refused } from "./bind.js";
import { imports } from "../core.js";
import type { Loaded } from "../core/fetch.js";
import type { LoadSigner } from "../core/signer.js";

// In a constant: bundlers that see the name itself add a Buffer of their own.
const BUFFER = "Buffer";

/** Compiles bytes of the wasm. */
export async function compile(bytes: Uint8Array<ArrayBuffer>, source: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw refused(source, cause);
  }
}

/** Compiles the wasm that came as base64. */
export const compileBase64 = (base64: string): Promise<WebAssembly.Module> =>
  compile(bytesOf(base64), "l402-fetch/inline");

/** Decodes base64. A loop takes several milliseconds in an engine that has just started, so it comes last. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const { [BUFFER]: buffer } = globalThis as {
    [BUFFER]?: { from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer> };
  };
  if (buffer) return buffer.from(base64, "base64");
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Instantiates a compiled module. */
export async function start(module: WebAssembly.Module, source: string, loadSigner: LoadSigner): Promise<Loaded> {
  try {
    return bind(await WebAssembly.instantiate(module, imports), loadSigner);
  } catch (cause) {
    throw refused(source, cause, module);
  }
}
