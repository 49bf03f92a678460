// better-sqlite3, which has to be compiled where no build of it can be had: once for each version of Node, kept in
// the cache.
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cache, run } from "../../../scripts/lib.mjs";
import { step } from "../../../scripts/setup.mjs";

const VERSION = "12.11.1";

/** Resolves with the folder of the module. */
export async function betterSqlite3() {
  const folder = join(cache, `better-sqlite3-${VERSION}-${process.versions.modules}`);
  const module = join(folder, "node_modules/better-sqlite3");
  if (existsSync(folder)) return module;
  const begun = `${folder}.${process.pid}`;
  await step(`better-sqlite3 ${VERSION}, into ${folder}`, "1 to 2 min where it is compiled", async () => {
    await rm(begun, { recursive: true, force: true });
    await mkdir(begun, { recursive: true });
    await writeFile(join(begun, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", `better-sqlite3@${VERSION}`], {
      cwd: begun,
      quiet: true,
    });
    // Node's own headers, where they lie beside it
    const prefix = dirname(dirname(process.execPath));
    const env = existsSync(join(prefix, "include/node/node.h")) ? { npm_config_nodedir: prefix } : {};
    await run("npm", ["run", "install"], { cwd: join(begun, "node_modules/better-sqlite3"), env, quiet: true });
    await rename(begun, folder);
  });
  return module;
}
