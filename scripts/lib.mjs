// Shared by the scripts: paths, and ways to run programs.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..");
export const at = (path) => join(root, path);

/** Where tools are kept that outlive a clone. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "l402-fetch");

/** Tools that cargo installs. Each version has its own folder. */
export const TOOLS = {
  "wasm-bindgen-cli": { version: "0.2.130", bins: ["wasm-bindgen", "wasm-bindgen-test-runner"] },
  "wasm-pack": { version: "0.15.1", bins: ["wasm-pack"] },
  geckodriver: { version: "0.37.1", bins: ["geckodriver"] },
  "cargo-fuzz": { version: "0.13.2", bins: ["cargo-fuzz"] },
};
export const toolDir = (name) => join(cache, `${name}-${TOOLS[name].version}`);

process.env.PATH = [...Object.keys(TOOLS).map((name) => join(toolDir(name), "bin")), process.env.PATH].join(delimiter);
// A new user's shell may not have read rustup's profile yet.
process.env.PATH += delimiter + join(homedir(), ".cargo", "bin");
// Debian keeps the programs of a PostgreSQL server out of the PATH.
const postgres = "/usr/lib/postgresql";
for (const version of existsSync(postgres) ? readdirSync(postgres) : [])
  process.env.PATH += delimiter + join(postgres, version, "bin");

/** The names of the browsers' programs on different systems. */
export const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"];
export const FIREFOX = ["firefox-esr", "firefox"];
/** The names of Redis, and of servers that take its place. */
export const REDIS = ["redis-server", "valkey-server"];

/** A program that failed, or could not be started. `output` is its output, if that was read. */
export class RunError extends Error {
  output = "";
}

/**
 * Runs a program to its end. `quiet` shows its output only if it fails. `tee` shows the output and resolves with it.
 * Resolves with the standard output if that was read. With `tee` and `both` the standard error is part of it.
 */
export function run(program, args, { cwd = root, env = {}, quiet = false, both = false, tee = false, limit = 0 } = {}) {
  const piped = quiet || tee;
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", piped ? "pipe" : "inherit", piped ? "pipe" : "inherit"],
    detached: limit > 0,
  });
  const end = () => process.kill(-child.pid, "SIGKILL");
  const late = limit > 0 && setTimeout(end, limit * 1000);
  const interrupted = () => {
    end();
    process.exit(130);
  };
  if (late) process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  let out = "";
  let all = "";
  if (piped) {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
      all += text;
      if (tee) process.stdout.write(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      all += text;
      if (tee) process.stderr.write(text);
    });
  }
  return new Promise((done, fail) => {
    child.on("error", (cause) => fail(new RunError(`${program} could not be started: ${cause.message}`, { cause })));
    child.on("close", (code, signal) => {
      clearTimeout(late);
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      if (code === 0) done(tee || both ? all : out);
      else
        fail(
          Object.assign(
            new RunError(`${quiet ? all : ""}${[program, ...args].join(" ")} ended with ${signal ?? code}`),
            { output: all },
          ),
        );
    });
  });
}

/** The path of a program in the PATH, if it is there. */
export const find = (program) =>
  process.env.PATH.split(delimiter)
    .filter(Boolean)
    .map((dir) => join(dir, program))
    .find(existsSync);

/** Cargo's target directory, wherever the user keeps it. */
export async function targetDir() {
  const text = await run("cargo", ["metadata", "--format-version", "1", "--no-deps", "--offline"], { quiet: true });
  return JSON.parse(text).target_directory;
}

export const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;
