// A server of the network as a child process: what it says is kept, and it does not outlive this process.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

/** How much of its output is shown where something fails. */
const TAIL = 40;

const running = new Set();
const folders = new Set();

/**
 * Starts a program, in `cwd` and with `env` besides its own, and again after `stop()`. `start()` resolves once a line
 * of its output matches `ready`, and rejects with the end of its output where it ends before. `freeze()` and `thaw()`
 * keep it from doing anything, and let it go on.
 */
export class Daemon {
  #child = null;
  /** What it has written since it was started last. */
  lines = [];

  constructor(name, program, args, ready, { cwd, env } = {}) {
    Object.assign(this, { name, program, args, ready, cwd, env });
  }

  start() {
    if (this.isRunning) throw new Error(`${this.name} is running`);
    this.lines = [];
    const child = spawn(this.program, this.args, {
      cwd: this.cwd,
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    this.ended = new Promise((done) => {
      child.on("exit", () => {
        running.delete(child);
        done();
      });
    });
    return new Promise((done, fail) => {
      let rest = "";
      const hear = (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        this.lines.push(...lines);
        if (lines.some((line) => this.ready.test(line))) done();
      };
      child.stdout.setEncoding("utf8").on("data", hear);
      child.stderr.setEncoding("utf8").on("data", hear);
      child.on("error", fail);
      child.on("exit", (code, signal) =>
        fail(new Error(`${this.name} ended with ${signal ?? code} before it was ready\n${this.tail()}`)),
      );
    });
  }

  get isRunning() {
    return running.has(this.#child);
  }

  freeze() {
    this.#child.kill("SIGSTOP");
  }

  thaw() {
    this.#child.kill("SIGCONT");
  }

  /** Ends it, frozen or not; nothing that a test wrote needs a tidy end. */
  async stop(signal = "SIGKILL") {
    if (!this.isRunning) return;
    this.#child.kill(signal);
    await this.ended;
  }

  /** The last lines that it wrote. */
  tail() {
    return this.lines
      .slice(-TAIL)
      .map((line) => `  ${this.name}: ${line}`)
      .join("\n");
  }
}

/** A folder that is removed with the daemons, however this process ends. */
export const removeAtEnd = (folder) => folders.add(folder);

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/**
 * Resolves with the first truthy value of `task`, which is asked again and again; what it throws says why there is none
 * yet.
 */
export async function until(what, task, { timeout = 60_000, every = 50 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    let why = "";
    try {
      const value = await task();
      if (value) return value;
    } catch (error) {
      why = `: ${error.message}`;
    }
    if (Date.now() > end) throw new Error(`${what}: not after ${timeout} ms${why}`);
    await new Promise((done) => setTimeout(done, every));
  }
}
