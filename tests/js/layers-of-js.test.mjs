// src/js has layers, and imports go down.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { at } from "../../scripts/lib.mjs";

/** From the top; those of one line are side by side. What the build makes of the wasm is below all. */
const LAYERS = [["command"], ["entries"], ["loading"], ["wallets", "stores", "testing", "agents"], ["core"], [""]];
const layerOf = (path) => {
  const folder = path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
  const layer = LAYERS.findIndex((folders) => folders.includes(folder));
  assert.ok(layer >= 0, `${path}: its folder is no layer`);
  return { layer, folder };
};

test("imports of src/js go down the layers: command, entries, loading, what stands beside the core, core", () => {
  const files = readdirSync(at("src/js"), { recursive: true }).filter((name) => /\.(js|ts)$/.test(name));
  const upwards = [];
  let imports = 0;
  for (const file of files) {
    // these only describe what the build makes
    if (file.endsWith(".d.ts")) continue;
    const from = layerOf(file);
    for (const [index, line] of readFileSync(at(`src/js/${file}`), "utf8")
      .split("\n")
      .entries()) {
      for (const [, path] of line.matchAll(/\b(?:from|import)[ (]"(\.[^"]+)"/g)) {
        imports++;
        const to = layerOf(new URL(path, `file:///${file}`).pathname.slice(1));
        const isSame = to.folder === from.folder;
        if (!isSame && to.layer <= from.layer) upwards.push(`src/js/${file}:${index + 1} imports ${path}`);
      }
    }
  }
  assert.ok(imports > 50, "the imports are found");
  assert.deepEqual(upwards, []);
});
