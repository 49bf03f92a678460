// `npm run size`: how many bytes each entry adds to a program, minified and compressed, beside other clients, and what
// is in the wasm. `size.mjs --check` leaves the other clients out, and fails if something has grown beyond its ceiling.
import { readFile } from "node:fs/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { closingLine, fail, pass } from "../tests/support/tally.mjs";
import { at, targetDir } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { modulesOf } from "./wasm-modules.mjs";

/** Bytes after gzip. The check fails above `ceiling`, which is a little above the present size. `aim` is the goal. */
const LIMITS = {
  "l402-fetch, before the first 402": { ceiling: 5_650 },
  "l402-fetch, all of it": { ceiling: 150_000, aim: 48_000 },
  "l402-fetch/inline": { ceiling: 190_000 },
  "the wasm alone": { ceiling: 133_000 },
  "only where x402 is paid": { ceiling: 3_650 },
  "l402-fetch/testing": { ceiling: 17_000 },
  // It has all wallets inside but WebLN.
  "l402-fetch/wallets/env": { ceiling: 9_900 },
  "l402-fetch/agents, beside l402-fetch": { ceiling: 1_350, aim: 3_000 },
  "at the first call of a tool": { ceiling: 4_200 },
};
/** The same for each wallet and each store. */
const EACH = { ceiling: 5_000 };

/** What is no part of the package. */
const FOREIGN = ["node:*", "cloudflare:*", "@getalby/sdk"];

const isCheck = process.argv.includes("--check");
await setup(isCheck ? "packages" : "peers");
const { build } = await import(at("tests/node_modules/esbuild/lib/main.js"));
const { exports } = JSON.parse(await readFile(at("package.json"), "utf8"));

const measured = (bytes) => ({
  raw: bytes.length,
  gzip: gzipSync(bytes, { level: 9 }).length,
  brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
});
const sum = (parts) =>
  parts.reduce((a, b) => ({ raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli }), {
    raw: 0,
    gzip: 0,
    brotli: 0,
  });

/**
 * Bundles an entry for browsers. Gives the sizes of what is loaded with it (`first`), of what is loaded at first need
 * (`later`), of what recovers the signer of an invoice, for x402 (`signer`), and of the wasm as a module, which is
 * loaded only if the wasm file is missing (`spare`).
 */
async function bundled(file, external = FOREIGN, options = { entryPoints: [at(file)], external }) {
  const { metafile, outputFiles } = await build({
    ...options,
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    metafile: true,
    write: false,
    outdir: "out",
    logLevel: "error",
  });
  const outputs = Object.entries(metafile.outputs).map(([path, output], index) => ({
    path,
    ...output,
    ...measured(Buffer.from(outputFiles[index].contents)),
  }));
  const first = new Set();
  const add = (output) => {
    first.add(output);
    for (const { path, kind } of output.imports) {
      const next = kind === "import-statement" && outputs.find((other) => other.path === path);
      if (next && !first.has(next)) add(next);
    }
  };
  add(outputs.find(({ entryPoint }) => entryPoint));
  const later = outputs.filter((output) => !first.has(output));
  const holds = (name) => {
    return ({ inputs }) => Object.keys(inputs).some((path) => path.endsWith(name));
  };
  const [isSpare, isSigner] = ["/l402_fetch.wasm.js", "/core/signer.js"].map(holds);
  return {
    first: sum([...first]),
    later: sum(later.filter((output) => !isSpare(output) && !isSigner(output))),
    spare: sum(later.filter(isSpare)),
    signer: sum(later.filter(isSigner)),
    inputs: outputs.flatMap(({ inputs }) => Object.entries(inputs)),
  };
}

const rows = [];
const row = (name, sizes) => {
  rows.push({ name, ...sizes });
  const { aim } = LIMITS[name] ?? {};
  console.log(
    `${name.padEnd(40)}${[sizes.raw, sizes.gzip, sizes.brotli].map((bytes) => String(bytes).padStart(9)).join("")}${aim ? `   aim ${aim} gzip` : ""}`,
  );
};

console.log(
  `${"entry point, minified".padEnd(40)}${["bytes", "gzip", "brotli"].map((name) => name.padStart(9)).join("")}`,
);
const wasm = measured(await readFile(at("dist/l402_fetch.wasm")));
const main = await bundled("dist/index.js");
row("l402-fetch, before the first 402", main.first);
row("JavaScript at first need", main.later);
row("the wasm alone", wasm);
row("l402-fetch, all of it", sum([main.first, main.later, wasm]));
row("only where x402 is paid", main.signer);
row("only where the wasm can't be had", main.spare);
// What they have in common with the main entry is there already.
const agents = await bundled("dist/agents/index.js", [...FOREIGN, "../core/*"]);
row("l402-fetch/agents, beside l402-fetch", agents.first);
row("at the first call of a tool", agents.later);
for (const [name, { default: file }] of Object.entries(exports)) {
  if (!/^\.(\/agents.*)?$/.test(name) && file) row(name.replace(".", "l402-fetch"), (await bundled(file)).first);
}

if (!isCheck) {
  const { CLIENTS, withoutNode } = await import("../bench/peers.mjs");
  console.log("\nbeside them, without our checks");
  for (const [name, contents] of Object.entries(CLIENTS)) {
    row(
      name,
      (await bundled(name, [], { stdin: { contents, resolveDir: at("bench") }, plugins: [withoutNode] })).first,
    );
  }
}

console.log(`\n${"file of the main entry, minified".padEnd(40)}${"bytes".padStart(9)}`);
const files = main.inputs
  .map(([path, { bytesInOutput }]) => [path.replace(/^.*dist\//, ""), bytesInOutput])
  .filter(([, bytes]) => bytes > 0);
for (const [file, bytes] of files.sort((a, b) => b[1] - a[1]))
  console.log(`${file.padEnd(40)}${String(bytes).padStart(9)}`);

console.log(`\n${"module or dependency, before wasm-opt".padEnd(40)}${"bytes".padStart(9)}${"functions".padStart(11)}`);
const { rows: modules, data } = modulesOf(await readFile(`${await targetDir()}/named.wasm`));
for (const [name, bytes, functions] of modules)
  console.log(`${name.padEnd(40)}${String(bytes).padStart(9)}${String(functions).padStart(11)}`);
console.log(`${"data".padEnd(40)}${String(data).padStart(9)}`);

if (isCheck) {
  const limits = Object.entries({
    ...Object.fromEntries(rows.filter(({ name }) => /(wallets|stores)\//.test(name)).map(({ name }) => [name, EACH])),
    ...LIMITS,
  });
  for (const [name, { ceiling }] of limits) {
    if (rows.find((found) => found.name === name)?.gzip <= ceiling) pass();
    else
      fail(
        `${name} has grown beyond its ceiling of ${ceiling} bytes after gzip: make it smaller, or raise the ceiling in scripts/size.mjs and say why`,
      );
  }
  closingLine();
}
