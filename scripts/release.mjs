// `npm run release`: makes every check that is needed before a version is published. It publishes nothing. It prints
// the commands that do.
import { readFile } from "node:fs/promises";
import { at, run, RunError } from "./lib.mjs";
import { checkToolchain } from "./toolchain.mjs";

const read = (file) => readFile(at(file), "utf8");

/** The version, if it is the same in all files. */
async function version() {
  const found = {
    "package.json": JSON.parse(await read("package.json")).version,
    "package-lock.json": JSON.parse(await read("package-lock.json")).version,
    "Cargo.toml": /^version = "(.+)"$/m.exec(await read("Cargo.toml"))?.[1],
    "CHANGELOG.md": /^## (\d+\.\d+\.\d+\S*)/m.exec(await read("CHANGELOG.md"))?.[1],
  };
  if (new Set(Object.values(found)).size === 1) return found["package.json"];
  const list = Object.entries(found).map(
    ([file, text]) => `  ${file}: ${text ?? "none (the newest heading must be the version)"}`,
  );
  throw new RunError(`the versions differ:\n${list.join("\n")}`);
}

try {
  const number = await version();
  checkToolchain(await run("rustc", ["--version"], { quiet: true }));
  const changed = await run("git", ["status", "--porcelain"], { quiet: true });
  if (changed) throw new RunError(`commit or remove first:\n${changed}`);
  const tag = `v${number}`;
  if (await run("git", ["tag", "--list", tag], { quiet: true }))
    throw new RunError(`the tag ${tag} is there already: raise the version`);

  console.log(`release ${number}: the gate`);
  await run("sh", [at(".ci/run")]);
  console.log(`release ${number}: the packages`);
  await run("npm", ["pack", "--dry-run", "--ignore-scripts"]);
  await run("cargo", ["package", "--locked"]);
  console.log(`
${number} is ready. To publish it:
  git tag --sign ${tag} --message ${tag} && git push origin ${tag}
  npm publish --provenance --access public
  cargo publish --locked --package l402-fetch`);
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  console.error(`release: ${error.message}`);
  process.exitCode = 1;
}
