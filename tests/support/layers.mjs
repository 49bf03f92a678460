// Reads which module of the core imports which, and says where that breaks the order of layers.

/** From the bottom up. A module may import its own layer and those before it. */
export const LAYERS = ["error", "text", "wire", "ledger", "flow", "client", "wasm"];
/** `crate::X` that names no layer is a re-export of lib.rs, which stands above all of them. */
const ROOT = "lib";
export const MOST_LINES = 400;

/** `flow/host.rs` is the module `flow::host`, and `flow/mod.rs` is `flow`. */
const moduleOf = (file) => file.replace(/(\/mod)?\.rs$/, "").replaceAll("/", "::");
const layerOf = (module) => [...LAYERS, ROOT].indexOf(module.split("::")[0]);

/** `a::{b, c::{d}}` as `a::b` and `a::c::d`. */
function expand(path) {
  const open = path.indexOf("{");
  if (open < 0) return [path];
  const inner = path.slice(open + 1, path.lastIndexOf("}"));
  const parts = [];
  let [depth, start] = [0, 0];
  for (let i = 0; i <= inner.length; i++) {
    if (inner[i] === "{") depth++;
    if (inner[i] === "}") depth--;
    if (i === inner.length || (inner[i] === "," && depth === 0)) {
      if (inner.slice(start, i).trim()) parts.push(inner.slice(start, i).trim());
      start = i + 1;
    }
  }
  return parts.flatMap((part) => expand(part).map((rest) => path.slice(0, open) + rest));
}

/** The paths that a source names: `[line, path]`, where a path begins with `crate::`. */
function pathsOf(file, source) {
  const module = moduleOf(file);
  const parent = module.includes("::") ? module.replace(/::\w+$/, "") : ROOT;
  // What a file's own tests import is not part of the order.
  const code = source.replace(/\/\/.*$/gm, "").replace(/^#\[cfg\(test\)\]\s*mod tests \{[\s\S]*/m, "");
  const found = [];
  const add = (index, path) => {
    const line = code.slice(0, index).split("\n").length;
    for (const one of expand(path.replace(/\s+/g, " "))) found.push([line, one.replace(/ as .*/, "").trim()]);
  };
  const children = [...code.matchAll(/^\s*(?:pub(?:\(crate\))? )?mod (\w+);/gm)].map(([, name]) => name);
  const own = file === "lib.rs" ? "crate" : `crate::${module}`;
  for (const match of code.matchAll(/\bcrate::(?:\w+::)*(?:\{[^;]*\}(?=;)|\w+)/g)) add(match.index, match[0]);
  for (const match of code.matchAll(/\bsuper::(?:\w+::)*(?:\{[^;]*\}(?=;)|\w+)/g)) {
    add(match.index, match[0].replace("super", parent === ROOT ? "crate" : `crate::${parent}`));
  }
  for (const child of children) {
    const use = new RegExp(`^(?:pub )?use ${child}(?:::(?:\\w+::)*(?:\\{[^;]*\\}|\\w+))?(?=;)`, "gm");
    for (const match of code.matchAll(use)) add(match.index, match[0].replace(/^(?:pub )?use /, `${own}::`));
  }
  return found;
}

/** What breaks the order in these sources, by file name: a line of text for each. */
export function breaches(sources) {
  const files = Object.keys(sources).sort();
  const modules = new Set(files.map(moduleOf));
  const imports = new Map();
  const found = [];
  for (const file of files) {
    const from = moduleOf(file);
    imports.set(from, new Map());
    if (file === "lib.rs") continue;
    for (const [line, path] of pathsOf(file, sources[file])) {
      let to = path.replace(/^crate::/, "");
      while (to && !modules.has(to)) to = to.includes("::") ? to.replace(/::\w+$/, "") : "";
      to ||= ROOT;
      if (to === from) continue;
      if (layerOf(to) > layerOf(from)) found.push(`${file}:${line}: ${path} is upwards`);
      else if (!imports.get(from).has(to)) imports.get(from).set(to, `${file}:${line}: ${path}`);
    }
  }
  found.push(...circles(imports));
  return found;
}

/** Every circle once, with the import that closes it. */
function circles(imports) {
  const [found, done, path] = [[], new Set(), []];
  const visit = (module) => {
    path.push(module);
    for (const [to, where] of imports.get(module) ?? []) {
      const start = path.indexOf(to);
      if (start >= 0) found.push(`${where} closes the circle ${[...path.slice(start), to].join(" -> ")}`);
      else if (!done.has(to)) visit(to);
    }
    path.pop();
    done.add(module);
  };
  for (const module of imports.keys()) if (!done.has(module)) visit(module);
  return found;
}
