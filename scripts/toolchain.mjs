// The version of Rust for releases. Any version from 1.88 on builds the package. But scripts/bindgen cuts out the code
// that formats panic messages. It finds that code by the toolchain's own names, so another version makes another wasm.
// Write a new version here once its build passes `npm test`.
import { RunError } from "./lib.mjs";

export const RUST = "1.95.0";

/** @param {string} version the output of `rustc --version` */
export function checkToolchain(version) {
  const [, found] = /^rustc (\S+)/.exec(version) ?? [];
  if (found === RUST) return;
  throw new RunError(
    `releases are built with Rust ${RUST}, this is ${found ?? "none that tells its version"}: ` +
      `rustup toolchain install ${RUST} --target wasm32-unknown-unknown, then RUSTUP_TOOLCHAIN=${RUST} npm publish`,
  );
}
