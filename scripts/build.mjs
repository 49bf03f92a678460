// Builds the package from scratch into dist/. `npm pack` packs that folder.
import { cp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { at, run, targetDir } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** The wasm features that rustc uses for wasm32-unknown-unknown by default, and bindgen's externref tables. */
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

/**
 * Optimises for size, twice. Between the rounds the control flow is flattened and restructured, which saves nearly a
 * percent more. Nothing uses the lowest 1,024 bytes of the memory: they are the far end of a stack of 1 MB, of which
 * the core needs a small part. So a constant may be added to an address at the access itself, which saves 0.6 percent.
 */
const OPTIMISE = [
  "--low-memory-unused",
  "--merge-similar-functions",
  "--flatten",
  "--rereloop",
  "-Oz",
  "--converge",
  "--flatten",
  "--rereloop",
  "-Oz",
  "--converge",
  "--optimize-added-constants-propagate",
  "-Oz",
  "--dealign",
];

/**
 * Takes the types out of src/js, file by file. An entry goes to the top of dist, where import maps name it. All other
 * files keep their folders.
 */
async function modules(dist) {
  const { build } = await import("esbuild");
  const from = at("src/js");
  const files = (await readdir(from, { recursive: true })).filter((name) => /(?<!\.d)\.ts$|\.js$/.test(name));
  await build({
    entryPoints: files.map((name) => ({ in: `${from}/${name}`, out: placeOf(name).replace(/\.\w+$/, "") })),
    outdir: dist,
    format: "esm",
    target: "esnext",
    tsconfigRaw: { compilerOptions: { target: "es2022", verbatimModuleSyntax: true } },
    logLevel: "error",
  });
  for (const name of await readdir(`${from}/entries`)) await edit(`${dist}/${name.replace(/ts$/, "js")}`, asTop);
  // A module of types alone is empty without them.
  for (const name of files) {
    const file = `${dist}/${placeOf(name).replace(/ts$/, "js")}`;
    if ((await readFile(file, "utf8")).trim() === "") await rm(file);
  }
}

const placeOf = (name) => name.replace(/^entries\//, "");
/** The text of an entry, one folder further up. */
const asTop = (text) => text.replace(/(?<=\b(?:from|import\() ?")\.\.\//g, "./");
const edit = async (file, change) => writeFile(file, change(await readFile(file, "utf8")));

/** Checks src/js and makes its declarations; the command has none. */
async function typeCheck(out) {
  await rm(out, { recursive: true, force: true });
  const tsc = at("node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "--project", at("src/js"), "--outDir", out]);
  await run(process.execPath, [tsc, "--project", at("src/js/command")]);
}

/** Copies the declarations that users can reach: those of the entries, wallets and stores, and all that they import. */
async function declarations(dist, out) {
  for (const name of ["index", "testing"]) {
    await cp(`${out}/entries/${name}.d.ts`, `${out}/${name}.d.ts`);
    await edit(`${out}/${name}.d.ts`, asTop);
  }
  const wanted = ["index", ...MODULES].map((name) => `${name}.d.ts`);
  for (const name of wanted) {
    const text = await readFile(`${out}/${name}`, "utf8");
    for (const [, path] of text.matchAll(/\b(?:from |import\()"(\..+?)\.js"/g)) {
      const needed = `${join(dirname(name), path)}.d.ts`;
      if (!wanted.includes(needed)) wanted.push(needed);
    }
    await cp(`${out}/${name}`, `${dist}/${name}`);
    // In the folder of CommonJS they are the types of CommonJS.
    if (!ONLY_MODULES.some((only) => name === `${only}.d.ts`)) await cp(`${out}/${name}`, `${dist}/cjs/${name}`);
  }
}

/** What is loaded with loading/bind.js alone. */
const PARTS = [
  "../core/client.js",
  "../core/env.js",
  "../core/filter.js",
  "../core/memory.js",
  "../core/outgoing.js",
  "../core/parsers.js",
  "../core/redirect.js",
  "../core/repeat.js",
  "../core/rows.js",
  "../core/sorted-keys.js",
  "../core/surplus.js",
];
/** What is loaded with agents/calls.js alone. */
const AGENT_PARTS = ["address.js", "answer.js", "body.js", "input.js"];

/**
 * Joins modules that are always loaded together. Each file costs half a millisecond in Node, and a request in a page
 * without a bundler.
 */
async function joinParts(file, parts) {
  const { build } = await import("esbuild");
  const others = {
    name: "others",
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\./ }, ({ path, kind, importer }) => {
        if (kind === "entry-point") return null;
        const whole = relative(dirname(file), resolve(dirname(importer), path));
        return parts.includes(whole) ? null : { path: whole.startsWith(".") ? whole : `./${whole}`, external: true };
      }),
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
  await Promise.all(parts.map((part) => rm(resolve(dirname(file), part))));
}

/** Puts the libraries that a module uses into it, so that the package depends on none. `external`: what stays apart. */
async function takeIn(file, external = []) {
  const { build } = await import("esbuild");
  const options = { outfile: file, allowOverwrite: true, bundle: true, format: "esm", legalComments: "inline" };
  const smaller = { minifySyntax: true, minifyWhitespace: true, lineLimit: 120, treeShaking: true };
  await build({ ...options, ...smaller, entryPoints: [file], external, logLevel: "error" });
}

/** What the command loads where it is needed, each as a file of its own. The others are one file. */
const PARTS_OF_COMMAND = ["main", "tables", "nwc-sdk", "mcp"];

/** Bundles the command with its libraries. It has everything but the wasm inside, since each file costs time. */
async function command(dist) {
  const { build } = await import("esbuild");
  const { version } = JSON.parse(await readFile(at("package.json"), "utf8"));
  const outside = { "@getalby/sdk/nwc": "./nwc-sdk.js", "./tables.js": "./tables.js", "./mcp.js": "./mcp.js" };
  const places = {
    name: "places",
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.\/entries\// }, ({ path }) => ({ path: `${dist}/${path.split("/").pop()}` }));
      onResolve({ filter: /\/(l402_fetch\.wasm|core\/signer)\.js$/ }, ({ path }) => ({ path, external: true }));
      // There must be one class of errors and one list of receipts: main.js exports what the tools for agents take.
      onResolve({ filter: /^\.\.\/core\/(error|fetch|options)\.js$/ }, ({ importer }) =>
        importer.includes("/dist/agents/") ? { path: "./main.js", external: true } : null,
      );
      // The validator of the MCP SDK for Workers is a seventh of that for Node.
      onResolve({ filter: /^@modelcontextprotocol\/server\/_shims$/ }, () => ({
        path: at("node_modules/@modelcontextprotocol/server/dist/shimsWorkerd.mjs"),
      }));
      onResolve({ filter: /./ }, ({ path, kind }) =>
        kind === "dynamic-import" && path in outside ? { path: outside[path], external: true } : null,
      );
    },
  };
  await writeFile(`${dist}/command/nwc-sdk.js`, `export * from "@getalby/sdk/nwc";\n`);
  const { metafile } = await build({
    metafile: true,
    entryPoints: PARTS_OF_COMMAND.map((name) => `${dist}/command/${name}.js`),
    outdir: `${dist}/command`,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    define: { PACKAGE_VERSION: JSON.stringify(version) },
    nodePaths: [at("node_modules")],
    plugins: [places],
    minify: true,
    legalComments: "inline",
    logLevel: "error",
  });
  await writeFile(`${dist}/command/licenses.txt`, await licenses(Object.keys(metafile.inputs)));
  const kept = ["bin", ...PARTS_OF_COMMAND].map((name) => `${name}.js`);
  for (const name of await readdir(`${dist}/command`))
    if (name.endsWith(".js") && !kept.includes(name)) await rm(`${dist}/command/${name}`);
}

/** The licences of the packages that these files are of: they have to go with a copy. */
async function licenses(files) {
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(resolve(file)) ?? []);
  const texts = [...new Set(folders)].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? await readFile(`${folder}/${file}`, "utf8") : "";
    return { title: `${name} ${version} (${license})`, text: text.trim() };
  });
  // Packages of one author mostly have the same text.
  const titles = new Map();
  for (const { title, text } of await Promise.all(texts)) titles.set(text, [...(titles.get(text) ?? []), title]);
  const parts = Array.from(titles, ([text, names]) => `${names.join("\n")}\n\n${text}`.trim());
  return `${parts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/**
 * The modules that users import beside the main entry. Then those of them that only Workers use: these are never loaded
 * with `require`.
 */
const MODULES = [
  "wallets/webln",
  "wallets/nwc",
  "wallets/lnd",
  "wallets/cln",
  "wallets/phoenixd",
  "wallets/lnbits",
  "wallets/env",
  "stores/sqlite",
  "stores/indexeddb",
  "stores/postgres",
  "stores/redis",
  "stores/durable-object",
  "testing",
  "agents/index",
  "agents/mcp",
  "agents/ai-sdk",
  "agents/openai-agents",
  "agents/langchain",
  "agents/mastra",
  "agents/claude",
  "stores/durable-object/ledger",
];
const ONLY_MODULES = ["stores/durable-object/ledger"];

/** The same modules as CommonJS in their own folder, file by file, so that no module is there twice. */
async function commonJs(dist) {
  const { build } = await import("esbuild");
  const to = `${dist}/cjs`;
  const options = {
    entryPoints: ["required", ...MODULES]
      .filter((name) => !ONLY_MODULES.includes(name))
      .map((name) => `${dist}/${name}.js`),
    bundle: true,
    platform: "node",
    write: false,
    metafile: true,
    outdir: to,
    packages: "external",
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
  for (const name of ["required", "loading/required"]) await rm(`${dist}/${name}.js`);
}

/** `beside` runs while the core is compiled, which keeps one processor busy at the end. */
export async function build(beside = () => {}) {
  const target = await targetDir();
  const dist = `${target}/dist`;
  const types = `${target}/types`;
  const wasm = `${dist}/l402_fetch.wasm`;

  await Promise.all([
    // The profile must not strip: bindgen reads the target features. The only crate type is cdylib: with an rlib beside
    // it, cargo leaves out link-time optimisation, which saves a tenth of the size.
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
    typeCheck(types),
  ]);
  await rm(dist, { recursive: true, force: true });
  await modules(dist);
  await run(`${target}/debug/bindgen`, [`${target}/wasm32-unknown-unknown/release/l402_fetch.wasm`, dist]);
  // `npm run size` reads the names of its functions.
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
  await joinParts(`${dist}/loading/bind.js`, PARTS);
  await joinParts(`${dist}/agents/calls.js`, AGENT_PARTS);
  await takeIn(`${dist}/core/signer.js`);
  // There must be one class of errors.
  await takeIn(`${dist}/testing.js`, [`${dist}/core/*`]);
  await rm(`${dist}/testing`, { recursive: true });
  await command(dist);
  await commonJs(dist);
  await declarations(dist, types);
  // Last, so that an interrupted build leaves the previous package whole.
  await rm(at("dist"), { recursive: true, force: true });
  await cp(dist, at("dist"), { recursive: true });
  console.log(`dist/l402_fetch.wasm: ${bytes.length} bytes (${before} before wasm-opt)`);
}

if (import.meta.filename === process.argv[1]) {
  await setup("build");
  await build();
}
