// The package as a user gets it: packed by npm, installed from the tarball.
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "../../scripts/lib.mjs";

/**
 * Packs dist/ and installs the tarball into a new folder, with the files and folders of `copy` beside it.
 * Resolves with the folder, the tarball's file list and a `remove()`.
 */
export async function installPacked(copy = []) {
  const folder = await mkdtemp(join(tmpdir(), "l402-fetch-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const [packed] = JSON.parse(
      await run("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", folder], {
        cwd: root,
        quiet: true,
      }),
    );
    const tarball = join(folder, packed.filename);
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], {
      cwd: folder,
      quiet: true,
    });
    for (const path of copy) await cp(path, join(folder, path.split("/").pop()), { recursive: true });
    return { folder, tarball, files: packed.files.map((file) => file.path).sort(), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** An import map for the installed package, from its own `exports`, as a browser without a bundler needs it. */
export function importMap(exports, prefix = "/node_modules/l402-fetch/") {
  const imports = {};
  for (const [name, target] of Object.entries(exports)) {
    const file = typeof target === "string" ? target : target.default;
    imports[`l402-fetch${name.slice(1)}`] = prefix + file.slice(2);
  }
  return { imports };
}
