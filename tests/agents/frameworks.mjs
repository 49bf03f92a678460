// The frameworks, at the versions of package-lock.json, as a user has them beside the package.
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { at, run } from "../../scripts/lib.mjs";
import { linkPackages } from "../support/cached.mjs";
import { installPacked } from "../support/pack.mjs";

const here = (path) => at(join("tests/agents", path));

export const installFrameworks = () => linkPackages("tests/agents", "agents/npm", "30 s to 1 min");

/** Puts the frameworks into the node_modules of a folder, where others are perhaps already. */
export async function linkFrameworks(folder) {
  await installFrameworks();
  const to = join(folder, "node_modules");
  const link = (name) => symlink(here(join("node_modules", name)), join(to, name), "dir").catch(ifThere);
  for (const name of await readdir(here("node_modules"))) {
    if (name.startsWith(".")) continue;
    if (!name.startsWith("@")) await link(name);
    else {
      await mkdir(join(to, name), { recursive: true });
      for (const inner of await readdir(here(join("node_modules", name)))) await link(join(name, inner));
    }
  }
}

function ifThere(error) {
  if (error.code !== "EEXIST") throw error;
}

/** Checks types.ts against the types of the frameworks. */
export async function checkTypes() {
  const installed = await installPacked([here("types.ts")]);
  try {
    await linkFrameworks(installed.folder);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: "ES2024",
      module: "NodeNext",
      lib: ["ES2024", "DOM", "DOM.Iterable"],
      types: [],
      // The frameworks' own declarations have errors.
      skipLibCheck: true,
    };
    await writeFile(join(installed.folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.ts"] }));
    await run(process.execPath, [at("node_modules/typescript/bin/tsc"), "--project", installed.folder], { tee: true });
  } finally {
    await installed.remove();
  }
}
