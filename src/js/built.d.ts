// The modules that the build makes of the wasm.

declare module "*/l402_fetch.wasm.js" {
  export const base64: string;
}
declare module "*/l402_fetch.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "*/l402_fetch.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
