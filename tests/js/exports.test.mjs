// index.d.ts is written by hand: its values must be those that the entries export, and its codes those of the core.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

const source = (path) => readFile(new URL(`../../src/${path}`, import.meta.url), "utf8");
const all = (text, pattern) => Array.from(text.matchAll(pattern), ([, found]) => found).sort();

/** The names of a module's values, from its text: some entries import what only their own runtime can. */
function exported(text) {
  const lists = all(text, /^export (?:const )?\{([^}]*)\}/gm).flatMap((list) => list.split(","));
  return [
    ...lists.map((name) => name.trim()).filter(Boolean),
    ...all(text, /^export (?:async )?(?:function|class|const) (\w+)/gm),
  ].sort();
}

for (const entry of ["index.js", "node.js", "embedded.js", "workerd.js", "edge.js", "inline.js"]) {
  test(`${entry} exports what index.d.ts declares`, async () => {
    assert.deepEqual(exported(await source(`js/${entry}`)), exported(await source("js/index.d.ts")));
  });
}

for (const [file, names] of Object.entries({
  "wallets/webln": ["webln"],
  "wallets/nwc": ["nwc"],
  "wallets/lnd": ["lnd"],
  "wallets/cln": ["cln"],
  "wallets/phoenixd": ["phoenixd"],
  "wallets/lnbits": ["lnbits"],
  "stores/indexeddb": ["indexedDBStore"],
  "stores/file": ["fileStore"],
  "stores/durable-object": ["durableObjectStore"],
  "stores/durable-object/ledger": ["L402Ledger"],
})) {
  test(`${file}.js exports what its types declare, and all of it is there`, async () => {
    const module = await import(`../../src/js/${file}.js`);
    assert.deepEqual(Object.keys(module), names);
    assert.deepEqual(exported(await source(`js/${file}.d.ts`)), names);
  });
}

test("ErrorCode lists the core's codes", async () => {
  const [, union] = /export type ErrorCode =([^;]*);/.exec(await source("js/index.d.ts"));
  const codes = all(await source("error.rs"), /^ {4}\w+ = "(\w+)",$/gm);
  assert.ok(codes.length > 20);
  assert.deepEqual(all(union, /\| "(\w+)"/g), codes);
});

test("every option of the types is known to the code, and the other way round", async () => {
  const types = await source("js/index.d.ts");
  const code = await source("js/options.js");
  const [, options] = /export interface Options \{(.*?)^\}/ms.exec(types);
  const [, known] = /"": \[(.*?)\]/s.exec(code);
  assert.deepEqual(all(options, /^ {2}(\w+)\??:/gm), all(known, /"(\w+)"/g));
});
