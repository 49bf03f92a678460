// The declarations match the values that the entries export, and the codes of the core.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const source = (path) => read(`src/${path}`);
const all = (text, pattern) => Array.from(text.matchAll(pattern), ([, found]) => found).sort();

/** The names of a module's values, from its text: some entries import what only their own runtime can. */
function exported(text) {
  const lists = all(text, /^export (?:const )?\{([^}]*)\}/gm).flatMap((list) => list.split(","));
  return [
    ...lists.map((name) => name.trim()).filter((name) => name && !name.startsWith("type ")),
    ...all(text, /^export (?:declare )?(?:async )?(?:function|class|const) (\w+)/gm),
  ].sort();
}

for (const entry of ["index", "node", "embedded", "workerd", "edge", "inline", "required"]) {
  test(`${entry}.ts exports what the declarations of index do`, async () => {
    assert.deepEqual(exported(await source(`js/entries/${entry}.ts`)), exported(await read("dist/index.d.ts")));
  });
}

for (const [file, names] of Object.entries({
  "wallets/webln": ["webln"],
  "wallets/nwc": ["nwc"],
  "wallets/lnd": ["lnd"],
  "wallets/cln": ["cln"],
  "wallets/phoenixd": ["phoenixd"],
  "wallets/lnbits": ["lnbits"],
  "wallets/env": ["walletFromEnv"],
  "stores/sqlite": ["sqliteStore"],
  "stores/indexeddb": ["indexedDBStore"],
  "stores/postgres": ["postgresStore"],
  "stores/redis": ["redisStore"],
  "stores/durable-object": ["durableObjectStore"],
  "stores/durable-object/ledger": ["L402Ledger"],
  "entries/testing": ["testShop"],
  "agents/index": ["agentTools"],
})) {
  test(`${file}.js exports what its types declare, and all of it is there`, async () => {
    const module = await import(`../../src/js/${file}.js`);
    assert.deepEqual(Object.keys(module), names);
    assert.deepEqual(exported(await read(`dist/${file.replace("entries/", "")}.d.ts`)), names);
  });
}

test("the declarations show no name that index does not export: the others are @internal", async () => {
  const index = await read("dist/index.d.ts");
  const modules = all(index, /^export .* from "\.\/(core\/\w+)\.js"/gm);
  const named = all(index, /^export (?:type )?\{([^}]*)\} from/gm).flatMap((list) => list.split(","));
  const shown = [];
  for (const module of modules) {
    const text = await read(`dist/${module}.d.ts`);
    shown.push(...all(text, /^export (?:declare )?(?:function|class|const|interface|type) (\w+)/gm));
  }
  assert.ok(shown.length > 20);
  // A long list ends in a comma.
  const names = named.map((name) => name.trim().replace(/^type /, "")).filter(Boolean);
  assert.deepEqual(shown.sort(), names.sort());
});

test("ErrorCode lists the core's codes", async () => {
  const [, union] = /export type ErrorCode =([^;]*);/.exec(await read("dist/core/error.d.ts"));
  const codes = all(await source("error.rs"), /^ {4}\w+ = "(\w+)",$/gm);
  assert.ok(codes.length > 20);
  assert.deepEqual(all(union, /"(\w+)"/g), codes);
});

test("every option of the types is known to the code, and the other way round", async () => {
  const code = await source("js/core/options.ts");
  const [, options] = /export interface Options \{(.*?)^\}/ms.exec(code);
  const [, known] = /^ {2}"": \[(.*?)\],/ms.exec(code);
  assert.deepEqual(all(options, /^ {2}(\w+)\??:/gm), all(known, /"(\w+)"/g));
});
