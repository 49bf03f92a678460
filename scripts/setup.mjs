// Installs missing tools, and names each one. `node scripts/setup.mjs [build|test]` takes a second if all are there.
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { at, cache, CHROMIUM, find, FIREFOX, REDIS, root, run, RunError, seconds, toolDir, TOOLS } from "./lib.mjs";

/** Programs that come from the system: the program that tests call, and its package in Debian. */
const SYSTEM = [
  { programs: CHROMIUM, package: "chromium" },
  { programs: ["chromedriver"], package: "chromium-driver" },
  { programs: FIREFOX, package: "firefox-esr" },
  { programs: ["WebKitWebDriver"], package: "webkit2gtk-driver" },
  { programs: ["Xvfb"], package: "xvfb" },
  { programs: ["initdb"], package: "postgresql" },
  { programs: REDIS, package: "redis-server" },
];

/** Prints the name of a task, the time that it usually takes, and the time that it took. */
export async function step(what, usually, task) {
  console.log(`setup: ${what} (usually ${usually})`);
  const start = Date.now();
  await task();
  console.log(`setup: ${what}: done in ${seconds(start)}`);
}

/** The Rust target. Without rustup the user has to install it, and cargo says what is missing. */
async function rust() {
  if (!find("cargo")) throw new RunError("cargo is missing: install Rust 1.88 or newer, see https://rustup.rs");
  if (!find("rustup")) return;
  const installed = await run("rustup", ["target", "list", "--installed"], { quiet: true });
  if (installed.split("\n").includes("wasm32-unknown-unknown")) return;
  await step("the Rust target wasm32-unknown-unknown", "10 s", () =>
    run("rustup", ["target", "add", "wasm32-unknown-unknown"], { quiet: true }),
  );
}

/** The npm packages of one lock file. A copy of its hash in node_modules shows that they are there. */
async function npm(folder, usually) {
  const hash = createHash("sha256")
    .update(await readFile(join(root, folder, "package-lock.json")))
    .digest("hex");
  const mark = join(root, folder, "node_modules", ".installed");
  if (existsSync(mark) && (await readFile(mark, "utf8")) === hash) return;
  await step(`npm packages of ${join(folder, "package-lock.json")}`, usually, async () => {
    await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: join(root, folder), quiet: true });
    await writeFile(mark, hash);
  });
}

/** Cargo's own tools, one after another: each keeps all cores busy. */
async function cargoTools(names = Object.keys(TOOLS)) {
  const missing = names.filter((name) => TOOLS[name].bins.some((bin) => !existsSync(join(toolDir(name), "bin", bin))));
  for (const name of missing) {
    const { version, bins } = TOOLS[name];
    await step(`${name} ${version}, into ${toolDir(name)}`, "1 to 3 min", () => {
      const install = (...lock) =>
        run(
          "cargo",
          ["install", ...lock, `${name}@${version}`, ...bins.flatMap((bin) => ["--bin", bin]), "--root", toolDir(name)],
          {
            // The tools share many dependencies.
            env: { CARGO_TARGET_DIR: join(cache, "build") },
            quiet: true,
          },
        );
      // A mirror of the registry may lag behind the tool's lock file.
      return install("--locked").catch(() => install());
    });
  }
}

/** Browsers and their drivers, and databases. */
async function system(wanted) {
  const missing = wanted.filter(({ programs }) => !programs.some(find)).map((entry) => entry.package);
  if (missing.length === 0) return;
  if (!find("apt-get") || process.getuid?.() !== 0) {
    throw new RunError(
      `these are missing, and are not installed without Debian's apt and root: ${missing.join(" ")}\n` +
        `on Debian: sudo apt-get install ${missing.join(" ")}; elsewhere install Chromium with chromedriver, Firefox ESR, WebKitGTK's WebKitWebDriver, Xvfb, PostgreSQL and Redis or Valkey so that the PATH has ${wanted.map(({ programs }) => programs.join(" or ")).join(", ")}`,
    );
  }
  await step(`Debian packages ${missing.join(" ")}`, "1 to 3 min", async () => {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", ["update", "-q"], { quiet: true, env });
    await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...missing], { quiet: true, env });
  });
}

/**
 * - `build`: the tools of the build.
 * - `packages`: these, and the npm packages of the tests.
 * - `peers`: these, and the libraries that are measured beside ours.
 * - `chromium`: the packages, and that browser.
 * - `bench`: all of the above.
 * - `fuzz`: the tools of the fuzz targets.
 * - `docs`: the tools of the API reference.
 * - `test`: everything except the peers.
 */
export async function setup(part) {
  await Promise.all([rust(), npm(".", "10 s")]);
  if (part === "build") return;
  if (part === "docs") return npm("scripts/reference", "10 s");
  if (part === "fuzz") return cargoTools(["cargo-fuzz"]);
  const tasks = [npm("tests", "1 to 2 min")];
  // apt and npm wait for the network, and cargo for the processor. So they run at the same time.
  if (part === "peers" || part === "bench") tasks.push(npm("bench", "10 s"));
  if (part === "chromium" || part === "bench")
    tasks.push(system(SYSTEM.filter(({ programs }) => programs === CHROMIUM)));
  if (part === "test") tasks.push(npm("scripts/reference", "10 s"), system(SYSTEM), cargoTools());
  const results = await Promise.allSettled(tasks);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

if (import.meta.filename === process.argv[1]) {
  try {
    await setup(process.argv[2] ?? "test");
    console.log(`setup: all there in ${at(".")}`);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    console.error(`setup failed: ${error.message}`);
    process.exitCode = 1;
  }
}
