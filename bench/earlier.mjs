// The package as an earlier commit had it, to be measured beside today's. It is built once, and kept in the cache.
import { existsSync } from "node:fs";
import { cp, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cache, root, run } from "../scripts/lib.mjs";
import { step } from "../scripts/setup.mjs";

/** Resolves with the folder `dist` of a commit. */
export async function distOf(commit) {
  const kept = join(cache, `l402-fetch-${commit}`, "dist");
  if (existsSync(kept)) return kept;
  const folder = await mkdtemp(join(tmpdir(), `l402-${commit}-`));
  const tree = join(folder, "tree");
  await step(`l402-fetch as of ${commit}, into ${kept}`, "1 to 2 min", async () => {
    try {
      await run("git", ["worktree", "add", "--detach", tree, commit], { quiet: true });
      const env = { CARGO_TARGET_DIR: join(folder, "target") };
      await run(process.execPath, [join(tree, "scripts/build.mjs")], { cwd: tree, env, quiet: true });
      const begun = join(cache, `l402-fetch-${commit}.${process.pid}`);
      await cp(join(tree, "dist"), join(begun, "dist"), { recursive: true });
      await cp(join(tree, "package.json"), join(begun, "package.json"));
      await rename(begun, join(cache, `l402-fetch-${commit}`));
    } finally {
      await rm(folder, { recursive: true, force: true });
      await run("git", ["worktree", "prune"], { cwd: root, quiet: true });
    }
  });
  return kept;
}
