// Builds the package from scratch into dist/, which is what `npm pack` packs.
import { cp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { at, run, targetDir } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** What rustc may use for wasm32-unknown-unknown by default, and bindgen's externref tables. */
const FEATURES = [
  "bulk-memory",
  "bulk-memory-opt",
  "call-indirect-overlong",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
];

/** For size, twice: with the control flow taken apart and put together anew in between it comes out smaller by nearly a percent. */
const OPTIMISE = [
  "--merge-similar-functions",
  "--flatten",
  "--rereloop",
  "-Oz",
  "--converge",
  "--flatten",
  "--rereloop",
  "-Oz",
  "--converge",
  "--dealign",
];

/** What is loaded with bind.js alone. */
const PARTS = ["./client.js", "./env.js", "./parsers.js", "./repeat.js"];

/** Makes one file of what is loaded together: each costs Node half a millisecond, and a page without a bundler a request. */
async function join(dist) {
  const { build } = await import("esbuild");
  const file = `${dist}/bind.js`;
  const others = {
    name: "others",
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\./ }, ({ path, kind }) =>
        kind === "entry-point" || PARTS.includes(path) ? null : { path, external: true },
      ),
  };
  await build({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    plugins: [others],
    logLevel: "error",
  });
  await Promise.all(PARTS.map((part) => rm(`${dist}/${part}`)));
}

/** The subpaths that can be required: all but what only Workers have. */
const REQUIRED = [
  "required",
  "wallets/webln",
  "wallets/nwc",
  "wallets/lnd",
  "wallets/cln",
  "wallets/phoenixd",
  "wallets/lnbits",
  "stores/indexeddb",
  "stores/file",
  "stores/durable-object",
];

/** The same modules as CommonJS, in a folder of their own, with their types: file by file, so that each is there once. */
async function commonJs(dist) {
  const { build } = await import("esbuild");
  const to = `${dist}/cjs`;
  const options = {
    entryPoints: REQUIRED.map((name) => `${dist}/${name}.js`),
    bundle: true,
    platform: "node",
    write: false,
    metafile: true,
    outdir: to,
    external: ["@getalby/sdk"],
    logLevel: "error",
  };
  const { metafile } = await build(options);
  await build({
    entryPoints: Object.keys(metafile.inputs).map((file) => resolve(file)),
    outdir: to,
    outbase: dist,
    format: "cjs",
    platform: "node",
    target: "node20",
    supported: { "dynamic-import": false },
    logLevel: "error",
  });
  await writeFile(`${to}/package.json`, `{ "type": "commonjs" }\n`);
  for (const name of ["index", ...REQUIRED.slice(1)]) await cp(`${dist}/${name}.d.ts`, `${to}/${name}.d.ts`);
  for (const name of ["required", "load-required"]) await rm(`${dist}/${name}.js`);
}

/** `beside` runs while the core is compiled, which keeps one processor busy at the end. */
export async function build(beside = () => {}) {
  const target = await targetDir();
  const dist = `${target}/dist`;
  const wasm = `${dist}/l402_fetch.wasm`;

  await Promise.all([
    // a profile that strips would hide the target features from bindgen
    // as one crate type: beside an rlib cargo leaves out link-time optimisation, which is worth a tenth of the size
    run("cargo", [
      "rustc",
      "--locked",
      "--release",
      "--lib",
      "--crate-type",
      "cdylib",
      "--target",
      "wasm32-unknown-unknown",
    ]),
    run("cargo", ["build", "--locked", "--package", "bindgen"]).then(beside),
  ]);
  await rm(dist, { recursive: true, force: true });
  await cp(at("src/js"), dist, { recursive: true });
  await run(`${target}/debug/bindgen`, [`${target}/wasm32-unknown-unknown/release/l402_fetch.wasm`, dist]);
  // with its names, for `npm run size`
  await cp(`${dist}/core_bg.wasm`, `${target}/named.wasm`);
  await rename(`${dist}/core_bg.wasm`, wasm);
  const before = (await stat(wasm)).size;
  await run(process.execPath, [
    at("node_modules/binaryen/bin/wasm-opt"),
    wasm,
    "-o",
    wasm,
    ...OPTIMISE,
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
    "--mvp-features",
    ...FEATURES.map((name) => `--enable-${name}`),
  ]);

  const bytes = await readFile(wasm);
  await writeFile(
    `${dist}/l402_fetch.wasm.js`,
    `// l402_fetch.wasm, for where no file can be had\nexport const base64 = "${bytes.toString("base64")}";\n`,
  );
  await join(dist);
  await commonJs(dist);
  // only now: a build that is interrupted leaves the last one whole
  await rm(at("dist"), { recursive: true, force: true });
  await cp(dist, at("dist"), { recursive: true });
  console.log(`dist/l402_fetch.wasm: ${bytes.length} bytes (${before} before wasm-opt)`);
}

if (import.meta.filename === process.argv[1]) {
  await setup("build");
  await build();
}
