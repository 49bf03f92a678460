// What tests need, in folders of the cache. Each is named after what it was made from, so that another clone with the
// same pins finds it.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { at, cache, run } from "../../scripts/lib.mjs";
import { step } from "../../scripts/setup.mjs";
import { hold } from "../tools/lib/install.mjs";

/**
 * The folder of the cache for these files and words; `make(folder)` fills it where that was not done yet.
 *
 * @param {string} name of the folder, below the cache, before its hash
 */
export async function cachedFolder(name, files, words, usually, make) {
  const hash = createHash("sha256").update(words.join(" "));
  for (const file of files) hash.update(await readFile(file));
  const folder = join(cache, `${name}-${hash.digest("hex").slice(0, 12)}`);
  const mark = join(folder, ".installed");
  if (existsSync(mark)) return folder;
  const release = await hold(folder);
  try {
    if (!existsSync(mark)) {
      await step(`${name}, into ${folder}`, usually, async () => {
        await rm(folder, { recursive: true, force: true });
        await mkdir(folder, { recursive: true });
        await make(folder);
        await writeFile(mark, "");
      });
    }
  } finally {
    await release();
  }
  return folder;
}

/** Has `node_modules` of a folder of tests be the packages of its package-lock.json. */
export async function linkPackages(place, name, usually, options = []) {
  const here = (path) => at(join(place, path));
  const files = [here("package.json"), here("package-lock.json")];
  const folder = await cachedFolder(name, files, [process.version], usually, async (into) => {
    for (const file of ["package.json", "package-lock.json"]) await copyFile(here(file), join(into, file));
    const quietly = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
    await run("npm", ["ci", ...quietly, ...options], { cwd: into, quiet: true });
  });
  await rm(here("node_modules"), { recursive: true, force: true });
  await symlink(join(folder, "node_modules"), here("node_modules"));
}
