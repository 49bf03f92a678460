// The part of the loaders that is itself loaded at first need: compiles the wasm, or says why that can't be.
import { bind, refused } from "./bind.js";
import { imports } from "./core.js";

/** Compiles bytes of the wasm. */
export async function compile(bytes, source) {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw refused(source, cause);
  }
}

/** Compiles the wasm that came as base64. */
export const compileBase64 = (base64) => compile(bytesOf(base64), "l402-fetch/inline");

/** A loop takes several milliseconds in an engine that has just started. */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  // by a name that bundlers don't see: they would bring a Buffer of their own along
  const buffer = globalThis["Buffer"];
  if (buffer) return buffer.from(base64, "base64");
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Instantiates a compiled module. */
export async function start(module, source) {
  try {
    return bind(await WebAssembly.instantiate(module, imports));
  } catch (cause) {
    throw refused(source, cause, module);
  }
}
