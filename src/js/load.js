// The part of the loaders that is itself loaded at first need: compiles the wasm, or says why that can't be.
import { clientOf } from "./client.js";
import { __wbg_set_wasm, Core, imports, parse } from "./core.js";
import { loadFailed } from "./error.js";
import { parsersOf } from "./parsers.js";

const INLINE = 'or import "l402-fetch/inline", which has the wasm inside';

/** Why the engine refused to compile or instantiate the wasm that came from `source`. */
function refused(source, cause) {
  const reason = String(cause?.message ?? cause);
  if (/content.security|unsafe-eval|\bcsp\b/i.test(reason)) {
    return loadFailed("the page's content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src", cause);
  }
  if (/disallowed by embedder/i.test(reason)) {
    return loadFailed('this runtime compiles no wasm from bytes: bundle "l402-fetch" with the condition "workerd"', cause);
  }
  return loadFailed(`the wasm core from ${source} could not be compiled: ${reason}`, cause);
}

/** Compiles the wasm that is being fetched; while it arrives, where its content type allows that. */
export async function compileFrom(url, fetching) {
  let response;
  try {
    response = await fetching;
  } catch (cause) {
    throw loadFailed(`the wasm core could not be fetched from ${url}: see that the file is deployed there and that connect-src allows it, ${INLINE}`, cause);
  }
  if (!response.ok) {
    throw loadFailed(`${url} answered ${response.status} where the wasm core should be: deploy the file there, ${INLINE}`);
  }
  const type = response.headers.get("content-type") ?? "";
  if (WebAssembly.compileStreaming && /^application\/wasm\s*$/i.test(type)) {
    return WebAssembly.compileStreaming(response).catch((cause) => {
      throw refused(url, cause);
    });
  }
  let bytes;
  try {
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw loadFailed(`the wasm core from ${url} broke off while it was read: try again`, cause);
  }
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== "\0asm") {
    const html = /html/i.test(type) || /^\s*</.test(String.fromCharCode(...bytes.subarray(0, 64)));
    throw loadFailed(`${url} holds ${html ? "an HTML page" : "something else"} where the wasm core should be; most often the bundler did not copy the file: deploy it there, ${INLINE}`);
  }
  return WebAssembly.compile(bytes).catch((cause) => {
    throw refused(url, cause);
  });
}

/** Compiles the wasm that came as base64. */
export async function compileBase64(base64) {
  return WebAssembly.compile(bytesOf(base64)).catch((cause) => {
    throw refused("l402-fetch/inline", cause);
  });
}

/** A loop takes several milliseconds in an engine that has just started. */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  if (globalThis.Buffer) return Buffer.from(base64, "base64");
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Binds core.js to an instance of the wasm: what `load()` resolves with. */
function bind({ exports }) {
  __wbg_set_wasm(exports);
  exports.__wbindgen_start();
  return { clientOf: (config, given) => clientOf(Core, config, given), parsers: parsersOf(parse) };
}

/** Instantiates a compiled module. */
export async function start(module, source) {
  try {
    return bind(await WebAssembly.instantiate(module, { core: imports }));
  } catch (cause) {
    throw refused(source, cause);
  }
}

/** The same at once, for where a promise may freeze with the request that made it. */
export function startNow(module, source) {
  try {
    return bind(new WebAssembly.Instance(module, { core: imports }));
  } catch (cause) {
    throw refused(source, cause);
  }
}
