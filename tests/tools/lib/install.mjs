// Each tool in a folder of its own in the cache, with the versions it is pinned to.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cache, run } from "../../../scripts/lib.mjs";
import { step } from "../../../scripts/setup.mjs";

/** What the tools depend on is taken as it was on this day, so that a run of next year is a run of the same programs. */
const BEFORE = "2026-11-28";

/** The Node that every tool here runs in; several of them take no older one. */
const NODE = "22.23.3";

/** The folder of the cache that holds these versions; they are installed where they are not there. */
export async function installed(name, packages) {
  const pinned = JSON.stringify(packages);
  const hash = createHash("sha256").update(`${BEFORE} ${pinned}`).digest("hex").slice(0, 12);
  const folder = join(cache, "tools", `${name}-${hash}`);
  const mark = join(folder, ".installed");
  if (existsSync(mark) && (await readFile(mark, "utf8")) === pinned) return folder;
  await step(`${name}: ${Object.entries(packages).map(([name, version]) => `${name}@${version}`).join(" ")}`, "5 s to 1 min", async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: packages }));
    await run("npm", ["install", `--before=${BEFORE}`, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, quiet: true });
    await writeFile(mark, pinned);
  });
  return folder;
}

/** The folder of the program `node` in this version. */
export async function nodeOf(version = NODE) {
  return join(await installed(`node-${version.split(".")[0]}`, { node: version }), "node_modules/node/bin");
}
