// What the pages say in tables and between the lines, against the code.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { at } from "../../scripts/lib.mjs";
import { dirname, join } from "node:path";
import { anchors, pages, spans, table } from "./markdown.mjs";

const read = (path) => readFile(at(path), "utf8");
/** All pages as one text: a table is found by its heading, wherever it stands. */
const docs = pages.map(({ text }) => text).join("\n");
const core = ["options", "limits", "wallet", "parsers", "payment", "store", "fetch", "error"];
const types = (await Promise.all(core.map((name) => read(`src/js/core/${name}.ts`)))).join("\n");
const manifest = JSON.parse(await read("package.json"));

const names = (rows, column) => rows.map((row) => spans(row[column])[0]);
/** The text between the braces of an exported interface; none of ours nests a brace at the start of a line. */
const members = (name) => {
  const body = new RegExp(`export interface ${name} \\{\\n(.*?)\\n\\}`, "s").exec(types)[1];
  return [...body.matchAll(/^ {2}(\w+)[?(:]/gm)].map(([, member]) => member);
};
const strings = (text) => [...text.replace(/\/\/.*$/gm, "").matchAll(/"([\w-]+)"/g)].map(([, string]) => string);

export const tables = {
  async "the errors are those of the core and of the types, and say whether money moved"() {
    const rows = table(docs, "Errors", "Code");
    const codes = names(rows, "Code");
    assert.deepEqual(
      codes,
      [...(await read("src/error.rs")).matchAll(/^ {4}\w+ = "(\w+)",$/gm)].map(([, code]) => code),
    );
    assert.deepEqual(codes, strings(/export type ErrorCode =([^;]*);/.exec(types)[1]));

    const { L402Error } = await import(at("dist/node.js"));
    for (const row of rows) {
      const [code] = spans(row.Code);
      assert.match(row["Did money move?"], new RegExp(`^${new L402Error(code, "x").moneyMoved}(;|$)`), code);
      for (const column of ["When", "What to do"]) assert.ok(row[column], `${code}: ${column} is empty`);
    }
  },

  async "the options are those of the types, with the defaults of the code"() {
    const rows = table(docs, "Options", "Option");
    const limits = members("Limits").map((name) => `limits.${name}`);
    assert.deepEqual(
      names(rows, "Option"),
      members("Options").flatMap((name) => (name === "limits" ? [name, ...limits] : [name])),
    );

    const { readOptions } = await import(at("dist/core/options.js"));
    const { config, ...rest } = readOptions({ wallet() {}, limits: { perPayment: 1 } });
    const defaultOf = (name) => rows.find((row) => spans(row.Option)[0] === name).Default;
    for (const name of ["limits", ...limits])
      assert.equal(defaultOf(name), /^limits(\.perPayment)?$/.test(name) ? "required" : "none");
    assert.equal(defaultOf("sessions"), "none");
    assert.equal(config.maxDeposit, null);
    delete config.maxDeposit;
    for (const [key, value] of Object.entries(config)) {
      const row = rows.find((row) => spans(row.Option)[0] === key);
      if (value === null) assert.match(row.Default, /any https/);
      else assert.deepEqual(JSON.parse(spans(row.Default)[0]), value, key);
    }
    for (const key of ["store", "approve", "onEvent"]) assert.equal(rest[key], undefined);
    const networks = strings(/export type Network = .*/.exec(types)[0]);
    for (const network of networks)
      assert.ok(rows.find((row) => spans(row.Option)[0] === "networks").Meaning.includes(`\`${network}\``));
  },

  async "the options and faults of testShop are those of the types, with the defaults of the code"() {
    const options = table(docs, "What it sells", "Option");
    const source = await read("src/js/testing/options.ts");
    const [, body] = /export interface TestShopOptions \{\n(.*?)\n\}/s.exec(source);
    assert.deepEqual(
      names(options, "Option"),
      [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name),
    );
    const [, shop] = /export interface Shop \{\n(.*?)\n\}/s.exec(await read("src/js/testing/shop.ts"));
    for (const [, member] of shop.matchAll(/^ {2}(?:readonly )?(\w+)[:(]/gm))
      assert.ok(docs.includes(`shop.${member}`), `shop.${member} is told of`);

    const faults = table(docs, "What can go wrong", "Fault");
    const { testShop } = await import(at("dist/testing.js"));
    const { shop: selling, wallet } = testShop();
    const offered = Object.entries({ wallet, shop: selling }).flatMap(([owner, { fail }]) => {
      try {
        return fail("none");
      } catch ({ message }) {
        return message
          .split(": ")[1]
          .split(", ")
          .map((fault) => `${fault} of ${owner}`);
      }
    });
    assert.deepEqual(
      faults.map((row) => `${spans(row.Fault)[0]} of ${row.Of}`),
      offered,
    );
  },

  "the keys of a scope are those of the types"() {
    assert.deepEqual(names(table(docs, "Scopes", "Key"), "Key"), members("Scope"));
  },

  "the events are those of the types"() {
    const declared = types.slice(types.indexOf("export type PaymentEvent"), types.indexOf("export class L402Error"));
    const rows = table(docs, "Events and receipts", "Event");
    assert.deepEqual(
      names(rows, "Event"),
      [...declared.matchAll(/type: "(\w+)"/g)].map(([, type]) => type),
    );
    const reasons = strings(/"unpayable"[^}]*reason:([^;}]*)/.exec(declared)[1]);
    assert.deepEqual(
      spans(rows.at(-1).When).filter((span) => span !== "reason"),
      reasons,
    );
  },

  "the runtimes' entries are exports, and every export is named"() {
    const exports = Object.keys(manifest.exports).map((name) => `l402-fetch${name.slice(1)}`);
    const rows = table(docs, "Runtimes", "Where");
    for (const name of names(rows, "Import")) assert.ok(exports.includes(name), name);
    for (const name of exports.filter((name) => !name.endsWith("package.json")))
      assert.ok(docs.includes(`\`${name}\``) || docs.includes(`"${name}"`), name);
    // not a folder of that name, such as ~/.cache/l402-fetch
    for (const [name] of docs.matchAll(/(?<!\/)l402-fetch\/(?!dist)[\w/.-]+\w/g)) {
      assert.ok(exports.includes(name), name);
    }
    assert.ok("workerd" in manifest.exports["."]);
    assert.ok(rows.some((row) => row.Where === `Node ${manifest.engines.node.replace(">=", ">= ")}`));
  },

  async "the rows of a store are those of the core, and their version is the one that it writes"() {
    const keys = await read("src/ledger/key.rs");
    const core = [...keys.matchAll(/^\/\/! \| (`.*`) \|/gm)].map(([, cell]) => cell);
    assert.deepEqual(
      table(docs, "Rows", "Key").map((row) => row.Key),
      core,
    );
    assert.ok(core.length > 8);
    const [, version] = /const VERSION: u64 = (\d+);/.exec(await read("src/ledger/view.rs"));
    assert.match(docs, new RegExp(`\\*\\*Versions\\.\\*\\*[^*]*now ${version},`));
  },

  async "every store is in the table of stores, in that of guarantees and in the package"() {
    const rows = table(docs, "Stores", "Store");
    const stores = Object.keys(manifest.exports).filter((name) => /stores\/[\w-]+$/.test(name));
    const imports = ["l402-fetch", ...stores.map((name) => `l402-fetch${name.slice(1)}`)];
    assert.deepEqual(names(rows, "Import").sort(), imports.sort());
    const name = (row) => /\w+/.exec(row.Store)[0];
    assert.deepEqual(table(docs, "What each guarantees and costs", "Store").map(name), rows.map(name));
  },

  async "the options, commands and exit codes of the command are those of its help"() {
    const { stdout } = await promisify(execFile)(at("tests/node_modules/node24/bin/node"), [
      at("dist/command/bin.js"),
      "--help",
    ]);
    const [, own, others, exits] = /letters\n(.*?)\nCommands\n(.*?)\n\n.*Exit codes\n(.*)$/s.exec(stdout);
    const page = await read("docs/command.md");
    const long = (text) => [...text.matchAll(/--([\w-]+)/g)].map(([, name]) => name);
    const options = table(page, "Options of a URL", "Option").map((row) => long(row.Option)[0]);
    assert.deepEqual(options, own.match(/^.{6}--[\w-]+/gm).flatMap(long));
    const commands = names(table(page, "Other commands", "Command"), "Command");
    assert.deepEqual(
      commands.join("\n"),
      others
        .match(/^ {2}[a-z]+( [[\]A-Z]+)?/gm)
        .join("\n")
        .replaceAll("  ", ""),
    );
    const codes = table(page, "Exit codes", "Code").flatMap((row) => row.Code.split(", "));
    assert.deepEqual(
      codes.filter((code) => code !== "129" && code !== "143"),
      exits.match(/^ +\d+/gm).map((code) => code.trim()),
    );
    const keys = table(page, "Limits and settings", "Key").flatMap((row) => spans(row.Key));
    const source = await read("src/js/command/config.ts");
    const known = [.../const (?:OPTIONS|KEYS) = \[(.*?)\]/gs[Symbol.matchAll](source)].flatMap(([, list]) =>
      strings(list),
    );
    assert.deepEqual(keys.sort(), known.sort());
  },

  async "the variables of a wallet are those of the code"() {
    const found = table(await read("docs/wallets/env.md"), "A wallet from the environment", "Wallet");
    const source = await read("src/js/wallets/variables.ts");
    const needed = [...source.matchAll(/needs: (\[\[.*\]\])/g)].flatMap(([, list]) => strings(list));
    assert.deepEqual(
      found.flatMap((row) => spans(row.Variables)),
      needed,
    );
  },

  async "everything that the package exports is named"() {
    for (const name of Object.keys(await import(at("dist/index.js")))) assert.ok(docs.includes(name), name);
    for (const name of members("PaidFetch")) assert.ok(new RegExp(`\\b${name}\\(`).test(docs), name);
    for (const name of members("Store")) assert.ok(docs.includes(`  ${name}`), name);
  },

  async "commands, files and anchors that it names are there"() {
    const steps = await read("scripts/test.mjs");
    for (const [, script] of docs.matchAll(/npm run ([\w:]+)/g)) assert.ok(script in manifest.scripts, script);
    for (const [, step] of docs.matchAll(/npm test -- (\w+)/g)) assert.ok(steps.includes(`\n  ${step}: `), step);
    for (const { page, text } of pages) {
      for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) {
        if (target.includes("://")) continue;
        const [file, anchor] = target.split("#");
        const found = file ? join(dirname(page), file) : page;
        assert.ok(existsSync(at(found)), `${page}: ${target}`);
        if (anchor) assert.ok(anchors(await read(found)).includes(anchor), `${page}: ${target}`);
      }
      assert.ok(!text.includes("\u2014"), `${page}: no em dashes`);
    }
  },

  async "the licences are those of both manifests"() {
    const cargo = await read("Cargo.toml");
    assert.equal(manifest.license, "MIT OR Apache-2.0");
    assert.ok(cargo.includes(`license = "${manifest.license}"`));
    assert.match(await read("LICENSE-MIT"), /Permission is hereby granted/);
    assert.match(await read("LICENSE-APACHE"), /Apache License\s+Version 2\.0/);
    assert.equal(manifest.version, /^version = "(.*)"$/m.exec(cargo)[1]);
  },
};
