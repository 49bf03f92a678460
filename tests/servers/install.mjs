// The servers' libraries and the programs that use them, installed at pinned versions into the cache folder.
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { at, cache, find, run, RunError } from "../../scripts/lib.mjs";
import { cachedFolder, linkPackages } from "../support/cached.mjs";

const here = (path) => at(join("tests/servers", path));
const CRATE = here("programs/l402_middleware");

/** What all the servers in Python run on. */
const PYTHONS = ["python3.12", "python3.11", "python3.13", "python3"];
const MEETS = "import ensurepip, sys, venv; raise SystemExit(not (3, 11) <= sys.version_info < (3, 14))";

const folderOf = (name, ...more) => cachedFolder(`servers/${name}`, ...more);

/** A Python that runs (a version manager's stand-in may not), of a fitting version, that can make a venv. */
async function findPython() {
  for (const name of PYTHONS.filter(find)) {
    const fits = run(name, ["-c", MEETS], { quiet: true });
    if (
      await fits.then(
        () => true,
        () => false,
      )
    )
      return name;
  }
  throw new RunError(
    "no Python of 3.11 to 3.13 with its venv module, which the servers in Python need: install one; on Debian 12: sudo apt-get install python3 python3-venv",
  );
}

/** The path of a Python that has the libraries of requirements.txt. */
export async function installPython() {
  const system = await findPython();
  const version = await run(system, ["-c", "import sys; print(sys.version)"], { quiet: true });
  const pins = here("requirements.txt");
  const folder = await folderOf("python", [pins], [version], "30 s", async (into) => {
    await run(system, ["-m", "venv", into], { quiet: true });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    await run(join(into, "bin/python"), [...pip, "--requirement", pins], { quiet: true });
  });
  return join(folder, "bin/python");
}

/** Has tests/servers/node_modules be the packages of package-lock.json. */
export const installNpm = () =>
  linkPackages("tests/servers", "servers/npm", "15 to 40 s", ["--omit=optional", "--legacy-peer-deps"]);

/** The path of the server in Rust. */
export async function installCrate() {
  if (!find("cargo")) throw new RunError("cargo is missing: install Rust 1.88 or newer, see https://rustup.rs");
  const files = ["Cargo.toml", "Cargo.lock", "src/main.rs"].map((file) => join(CRATE, file));
  const folder = await folderOf("cargo", files, [], "4 min", async (into) => {
    const target = join(cache, "build");
    const name = "l402-middleware-server";
    await run("cargo", ["build", "--locked", "--quiet", "--target-dir", target], { cwd: CRATE, quiet: true });
    await copyFile(join(target, "debug", name), join(into, name));
  });
  return join(folder, "l402-middleware-server");
}
