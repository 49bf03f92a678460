// The package beside the SDK, or without it, as in a user's node_modules.
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../../scripts/lib.mjs";

/** A new folder with the folders `with` and `without`, and `remove()`. */
export async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), "l402-fetch-nwc-"));
  for (const [place, sdk] of [
    ["with", true],
    ["without", false],
  ]) {
    const modules = join(folder, place, "node_modules");
    await mkdir(modules, { recursive: true });
    await cp(at("dist"), join(modules, "l402-fetch/dist"), { recursive: true });
    await cp(at("package.json"), join(modules, "l402-fetch/package.json"));
    if (sdk) await symlink(at("tests/node_modules/@getalby"), join(modules, "@getalby"));
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
