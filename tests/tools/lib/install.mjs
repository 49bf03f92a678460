// Each tool in a folder of its own in the cache, with the versions it is pinned to.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cache, run } from "../../../scripts/lib.mjs";
import { step } from "../../../scripts/setup.mjs";

/** What the tools depend on is taken as it was on this day: a run of next year is a run of the same programs. */
const BEFORE = "2026-11-28";

/** The Node that every tool here runs in; several of them take no older one. */
const NODE = "22.23.3";

/** The folder of the cache that holds these versions; they are installed where they are not there. */
export async function installed(name, packages) {
  const pinned = JSON.stringify(packages);
  const hash = createHash("sha256").update(`${BEFORE} ${pinned}`).digest("hex").slice(0, 12);
  const folder = join(cache, "tools", `${name}-${hash}`);
  const mark = join(folder, ".installed");
  const isThere = async () => existsSync(mark) && (await readFile(mark, "utf8")) === pinned;
  if (await isThere()) return folder;
  const release = await hold(folder);
  try {
    if (!(await isThere())) await step(`${name}: ${list(packages)}`, "5 s to 1 min", () => install(folder, packages));
    await writeFile(mark, pinned);
  } finally {
    await release();
  }
  return folder;
}

const list = (packages) =>
  Object.entries(packages)
    .map(([name, version]) => `${name}@${version}`)
    .join(" ");

async function install(folder, packages) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // a newer npm runs the scripts of no package that is not named; some fetch their program's package by them
  const allowScripts = Object.fromEntries([...Object.keys(packages), "esbuild", "workerd"].map((name) => [name, true]));
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ private: true, dependencies: packages, allowScripts }),
  );
  const options = [`--before=${BEFORE}`, "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...options], { cwd: folder, quiet: true });
}

/**
 * Waits until no other run has the folder, of another clone perhaps, and takes it; resolves with what gives it back.
 */
export async function hold(folder) {
  const file = `${folder}.lock`;
  await mkdir(dirname(folder), { recursive: true });
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const pid = Number(await readFile(file, "utf8").catch(() => ""));
    // a run that was killed left it behind
    if (pid && !isAlive(pid)) await rm(file, { force: true });
    else await new Promise((done) => setTimeout(done, 500));
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** The folder of the program `node` in this version. */
export async function nodeOf(version = NODE) {
  return join(await installed(`node-${version.split(".")[0]}`, { node: version }), "node_modules/node/bin");
}
