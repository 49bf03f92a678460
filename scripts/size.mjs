// What the main entry costs a page: each file minified and compressed, and what is loaded before the first 402.
import { readFile } from "node:fs/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { at, targetDir } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { modulesOf } from "./wasm-modules.mjs";

await setup("packages");
const { build, transform } = await import(at("tests/node_modules/esbuild/lib/main.js"));

/** What esbuild makes of the entry, and what of each file is in it. */
const result = await build({
  entryPoints: [at("dist/index.js")],
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  metafile: true,
  write: false,
  outdir: "out",
  logLevel: "error",
});

const rows = [];
const measure = (name, bytes) => rows.push({ name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length });
const sum = (name, parts) => rows.push(parts.reduce((a, b) => ({ name, raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli }), { name, raw: 0, gzip: 0, brotli: 0 }));
const print = () => {
  for (const { name, raw, gzip, brotli } of rows.splice(0)) console.log(`${name.padEnd(34)}${String(raw).padStart(9)}${String(gzip).padStart(9)}${String(brotli).padStart(9)}`);
};

console.log(`${"file, minified".padEnd(34)}${"bytes".padStart(9)}${"gzip".padStart(9)}${"brotli".padStart(9)}`);
const inputs = Object.keys(result.metafile.inputs).map((path) => path.replace(/^.*dist\//, ""));
for (const file of inputs.sort()) measure(file, Buffer.from((await transform(await readFile(at(`dist/${file}`), "utf8"), { minify: true })).code));
print();

console.log("\nbundled");
const first = [];
const later = [];
const outputs = Object.values(result.metafile.outputs);
const entry = outputs.find((output) => output.entryPoint?.endsWith("dist/index.js"));
for (const [index, output] of outputs.entries()) {
  const statically = output === entry || entry.imports.some((item) => item.kind === "import-statement" && result.metafile.outputs[item.path] === output);
  measure(statically ? "before the first 402" : "at first need: JavaScript", Buffer.from(result.outputFiles[index].contents));
  (statically ? first : later).push(rows.at(-1));
}
measure("at first need: wasm", await readFile(at("dist/l402_fetch.wasm")));
later.push(rows.at(-1));
sum("total", [...first, ...later]);
print();

console.log(`\n${"in the wasm, before wasm-opt".padEnd(34)}${"bytes".padStart(9)}${"functions".padStart(11)}`);
const { rows: modules, data } = modulesOf(await readFile(`${await targetDir()}/named.wasm`));
for (const [name, bytes, functions] of modules) console.log(`${name.padEnd(34)}${String(bytes).padStart(9)}${String(functions).padStart(11)}`);
console.log(`${"data".padEnd(34)}${String(data).padStart(9)}`);
