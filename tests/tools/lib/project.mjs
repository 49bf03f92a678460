// A project of one tool: its files, the packed tarball beside the tool's own packages, and the programs run in it.
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, extname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { at, run, RunError } from "../../../scripts/lib.mjs";
import { freePorts } from "../../support/listen.mjs";
import { serve } from "../../support/serve.mjs";

/** No tool asks, sends figures home, or thinks that a person is watching. */
const QUIET = {
  CI: "true",
  NO_COLOR: "1",
  FORCE_COLOR: "0",
  DO_NOT_TRACK: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  NUXT_TELEMETRY_DISABLED: "1",
  ASTRO_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
};

/** What is the tool's in its folder of the cache; all else is the last project's. */
const KEPT = ["node_modules", "package-lock.json", ".installed"];

/** What tools and the last project leave among the packages. */
const LEFTOVERS = [".vite", ".vite-temp", ".cache", ".astro", ".nuxt", ".nitro", "l402-fetch", "buffer"];

/** How base64 of any wasm begins. */
const WASM_BASE64 = "AGFzbQEAAAA";

/** How long a tool may take to say where it listens. */
const READY_MS = 120_000;

export class Project {
  #children = new Set();

  /** `folder` is the tool's in the cache, `bin` the folder of its Node, `world` the shop and the browser. */
  constructor({ tool, folder, bin, tarball, world }) {
    Object.assign(this, { tool, folder, bin, tarball, world });
  }

  path(...names) {
    return join(this.folder, ...names);
  }

  /** Empties the folder of all that is not the tool's. */
  async clear() {
    const remove = (...names) => rm(this.path(...names), { recursive: true, force: true });
    for (const name of await readdir(this.folder)) if (!KEPT.includes(name)) await remove(name);
    for (const name of LEFTOVERS) await remove("node_modules", name);
  }

  /** Lays the tool's project of this name, with the shared files and the package as npm installs it. */
  async lay(name) {
    const { home, packages, manifest = { type: "module" } } = this.tool;
    await this.clear();
    await mkdir(this.path("node_modules/l402-fetch"), { recursive: true });
    await run("tar", ["-xzf", this.tarball, "-C", this.path("node_modules/l402-fetch"), "--strip-components=1"], {
      quiet: true,
    });
    await cp(at("tests/tools/shared"), this.folder, { recursive: true });
    await writeFile(
      this.path("package.json"),
      JSON.stringify(
        {
          name: "shopper",
          version: "1.0.0",
          private: true,
          ...manifest,
          dependencies: { ...packages, "l402-fetch": "0.1.0" },
        },
        null,
        2,
      ),
    );
    if (name) await cp(at(join("tests/tools", home, name)), this.folder, { recursive: true });
  }

  /** Writes a file of the project. */
  async write(name, text) {
    await mkdir(dirname(this.path(name)), { recursive: true });
    await writeFile(this.path(name), text);
  }

  /** Sets members of the project's package.json. */
  async set(members) {
    const manifest = JSON.parse(await readFile(this.path("package.json"), "utf8"));
    await this.write("package.json", JSON.stringify({ ...manifest, ...members }, null, 2));
  }

  #env(env) {
    const { NODE_OPTIONS, NODE_ENV, npm_config_user_agent, ...own } = process.env;
    return {
      ...own,
      ...QUIET,
      PATH: [this.bin, this.path("node_modules/.bin"), process.env.PATH].join(delimiter),
      ...env,
    };
  }

  /** Runs a program of the project to its end; resolves with what it said. */
  run(program, args, { env = {}, cwd = "." } = {}) {
    return new Promise((done, fail) => {
      const child = this.#spawn(program, args, env, cwd);
      const said = collect(child);
      child.on("error", fail);
      child.on("close", (code, signal) => {
        if (code === 0) done(said.text);
        else
          fail(
            Object.assign(new RunError(`${[program, ...args].join(" ")} ended with ${signal ?? code}: ${said.text}`), {
              output: said.text,
            }),
          );
      });
    });
  }

  /** Starts a program that serves; resolves with the address it names, or with the one that is known to be its own. */
  start(
    program,
    args,
    { env = {}, cwd = ".", url, ready = /(https?:\/\/(?:localhost|127\.0\.0\.1|\[::1?\]|0\.0\.0\.0):\d+)/ } = {},
  ) {
    return new Promise((done, fail) => {
      const child = this.#spawn(program, args, env, cwd);
      const said = collect(child);
      const end = (error) => {
        clearTimeout(timer);
        fail(Object.assign(error, { output: said.text }));
      };
      const timer = setTimeout(
        () => end(new RunError(`${program} did not say where it listens: ${said.text}`)),
        READY_MS,
      );
      said.listen((text) => {
        const found = ready.exec(text);
        if (!found) return;
        clearTimeout(timer);
        done({ url: url ?? found[1].replace(/0\.0\.0\.0|\[::1?\]/, "localhost"), said: () => said.text });
      });
      child.on("error", end);
      child.on("close", (code) => end(new RunError(`${program} ended with ${code}: ${said.text}`)));
    });
  }

  /**
   * Starts a program on a port that is free, which takes the place of PORT in its arguments and its environment;
   * `ready` is what it says once it listens.
   */
  async listen(program, args, { ready, env = {} } = {}) {
    const [port, inspector] = (await freePorts(2)).map(String);
    const filled = (text) => text.replace("INSPECTOR", inspector).replace("PORT", port);
    return this.start(program, args.map(filled), {
      url: `http://127.0.0.1:${port}`,
      ready: ready ?? new RegExp(`((?:127\\.0\\.0\\.1|localhost):${port})`),
      env: Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filled(text)])),
    });
  }

  #spawn(program, args, env, cwd) {
    // a group of its own, so that what a tool starts ends with it
    const folder = resolve(this.folder, cwd);
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...this.#env(env), PWD: folder },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#children.add(child);
    child.on("close", () => this.#children.delete(child));
    return child;
  }

  /** Serves a folder of the project as a plain file server does. */
  async files(dir, pages = {}) {
    const site = await serve(this.path(dir), pages);
    this.site = site;
    return site;
  }

  /** What a folder weighs that goes to a browser or a Worker: its scripts and wasm, raw and after gzip. */
  async size(dir, belongs = () => true) {
    const sum = { js: 0, wasm: 0, gzip: 0 };
    const names = await readdir(this.path(dir), { recursive: true });
    const hasFile = names.some((name) => name.endsWith(".wasm"));
    for (const name of names) {
      const type = extname(name);
      if (![".js", ".mjs", ".cjs", ".wasm"].includes(type) || !(await stat(this.path(dir, name))).isFile()) continue;
      const bytes = await readFile(this.path(dir, name));
      // the wasm as a module: no one fetches it where the file is there
      const isSpare = hasFile && type !== ".wasm" && bytes.includes(WASM_BASE64) && !bytes.includes("L402Error");
      if (isSpare || !belongs(name, bytes)) continue;
      sum[type === ".wasm" ? "wasm" : "js"] += bytes.length;
      sum.gzip += gzipSync(bytes, { level: 9 }).length;
    }
    return sum.gzip > 0 ? sum : undefined;
  }

  /** Ends all that was started. */
  async close() {
    await this.site?.close();
    this.site = undefined;
    await Promise.all(
      [...this.#children].map(
        (child) =>
          new Promise((done) => {
            child.on("close", done);
            const kill = (signal) => {
              try {
                process.kill(-child.pid, signal);
              } catch {
                done();
              }
            };
            kill("SIGTERM");
            setTimeout(kill, 3000, "SIGKILL").unref();
          }),
      ),
    );
  }
}

function collect(child) {
  const listeners = [];
  const said = { text: "", listen: (listener) => listeners.push(listener) };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      // colours stand in the midst of addresses
      said.text += text.replace(/\x1b\[[\d;]*m/g, "");
      for (const listener of listeners) listener(said.text);
    });
  }
  return said;
}

/** Whether a file of a framework's build holds the package, beside whatever else. */
export const isOurs = (name, bytes) =>
  name.endsWith(".wasm") || bytes.includes("L402Error") || bytes.includes("__wbindgen");

/** How wrangler runs a Worker; no two of its inspectors get along on one port. */
export const WRANGLER_DEV = ["dev", "--ip", "127.0.0.1", "--port", "PORT", "--inspector-port", "INSPECTOR"];
