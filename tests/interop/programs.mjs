// The programs of a real Lightning network, built from the Go module proxy at these versions into the cache folder.
// `node tests/interop/programs.mjs` builds what is missing; interrupted, it goes on where it was.
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cache, find, run, RunError } from "../../scripts/lib.mjs";
import { step } from "../../scripts/setup.mjs";
import { removeAtEnd } from "./daemon.mjs";

const LND_TAGS = "autopilotrpc signrpc walletrpc chainrpc invoicesrpc peersrpc";

/** One Go module each, and the packages in it that are programs. */
const MODULES = {
  btcd: { module: "github.com/btcsuite/btcd", version: "v0.26.0", packages: { btcd: "." }, usually: "30 s" },
  lnd: {
    module: "github.com/lightningnetwork/lnd",
    version: "v0.21.2-beta",
    packages: { lnd: "./cmd/lnd" },
    tags: LND_TAGS,
    usually: "4 min",
  },
  // aperture 0.5.0 pays refunds by a method that lnd 0.21 has no more, so the seller's node is the last that has it.
  "lnd of the seller": {
    module: "github.com/lightningnetwork/lnd",
    version: "v0.20.0-beta",
    packages: { "lnd-seller": "./cmd/lnd" },
    tags: LND_TAGS,
    usually: "4 min",
  },
  aperture: {
    module: "github.com/lightninglabs/aperture",
    version: "v0.5.0",
    packages: { aperture: "./cmd/aperture" },
    usually: "3 min",
  },
};

const folder = (name) => join(cache, `${name.replaceAll(" ", "-")}-${MODULES[name].version}`);

/** Where each program is, once built: `programs.lnd` is a path. */
export const programs = Object.fromEntries(
  Object.entries(MODULES).flatMap(([name, { packages }]) =>
    Object.keys(packages).map((program) => [program, join(folder(name), "bin", program)]),
  ),
);

/** The version of a program's module, as its tag is called. */
export const versionOf = (name) => MODULES[name].version;

/**
 * Builds what is missing, of all or of the modules `wanted`. Rejects with a `RunError` that says what to install where
 * Go is missing.
 */
export async function buildPrograms(wanted = Object.keys(MODULES)) {
  const missing = wanted.filter((name) =>
    Object.keys(MODULES[name].packages).some((program) => !existsSync(programs[program])),
  );
  if (missing.length === 0) return;
  if (!find("go")) {
    throw new RunError(
      `go is missing, and ${missing.join(", ")} can't be built without it: install Go 1.26 or newer, see https://go.dev/dl`,
    );
  }
  for (const name of missing) {
    const { version, usually } = MODULES[name];
    await step(`${name} ${version}, into ${folder(name)}`, usually, () => build(name));
  }
}

/**
 * `go install` refuses a module whose go.mod has `replace` lines, so each is built in a copy of its source. Paths are
 * trimmed: what Go compiled before an interruption, in another copy, is not compiled again.
 */
async function build(name) {
  const { module, version, packages, tags = "" } = MODULES[name];
  const source = await mkdtemp(join(tmpdir(), "l402-fetch-build-"));
  removeAtEnd(source);
  const bin = join(folder(name), "bin");
  await mkdir(bin, { recursive: true });
  const { Dir } = JSON.parse(
    await run("go", ["mod", "download", "-json", `${module}@${version}`], { cwd: bin, env: GO, quiet: true }),
  );
  await cp(Dir, source, { recursive: true });
  await makeWritable(source);
  for (const [program, path] of Object.entries(packages)) {
    // under its own name only once it is whole
    const partial = `${programs[program]}.${process.pid}`;
    await run("go", ["build", "-trimpath", "-ldflags", "-s -w", "-tags", tags, "-o", partial, path], {
      cwd: source,
      env: GO,
      quiet: true,
    });
    await rename(partial, programs[program]);
  }
  await rm(source, { recursive: true, force: true });
}

/** No C compiler is needed, and nothing of the user's own settings may change what is built. */
const GO = { CGO_ENABLED: "0", GOFLAGS: "-mod=mod", GOWORK: "off", GOOS: "", GOARCH: "" };

/** Files in Go's module cache are read-only, and so are their copies. */
async function makeWritable(path) {
  await chmod(path, 0o755);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(path, entry.name));
    else await chmod(join(path, entry.name), 0o644);
  }
}

if (import.meta.filename === process.argv[1]) {
  try {
    await buildPrograms();
    console.log(`setup: ${Object.keys(programs).join(", ")}: all there in ${cache}`);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    console.error(`setup failed: ${error.message}`);
    process.exitCode = 1;
  }
}
