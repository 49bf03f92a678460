import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import test from "node:test";
import { at } from "../../scripts/lib.mjs";
import { breaches, MOST_LINES } from "../support/layers.mjs";

const files = readdirSync(at("src"), { recursive: true }).map((name) => name.replaceAll("\\", "/"));
const read = (file) => readFileSync(at(`src/${file}`), "utf8");

test("imports of the core run downwards, and none in a circle", () => {
  const core = files.filter((file) => extname(file) === ".rs");
  assert.ok(core.length > 30);
  assert.deepEqual(breaches(Object.fromEntries(core.map((file) => [file, read(file)]))), []);
});

test("no file of src has more than 400 lines", () => {
  const sources = files.filter((file) => /\.(rs|js|ts)$/.test(file));
  const lines = sources.map((file) => [file, read(file).split("\n").length - 1]);
  assert.deepEqual(
    lines.filter(([, count]) => count > MOST_LINES),
    [],
  );
});

test("an import against the order of layers is named with its file, line and path", () => {
  const found = breaches({
    "lib.rs": "mod text;\npub use error::Code;\n",
    "error.rs": "",
    "text/scan.rs": "//! See crate::wire::url.\nuse crate::error::Code;\nuse std::rc::Rc;\n",
    "text/json.rs":
      "use crate::text::{\n    scan::{cut, find},\n    time,\n};\nfn f() {\n    crate::wire::url::f();\n}\n",
    "text/time.rs": "use super::json::Json;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n",
    "wire/url.rs": "mod parts;\nuse parts::Part;\nuse crate::Code;\n",
    "wire/url/parts.rs": "use super::Url;\n",
  });
  assert.deepEqual(found, [
    "text/json.rs:6: crate::wire::url::f is upwards",
    "wire/url.rs:3: crate::Code is upwards",
    "text/time.rs:1: crate::text::json::Json closes the circle text::json -> text::time -> text::json",
    "wire/url/parts.rs:1: crate::wire::url::Url closes the circle wire::url -> wire::url::parts -> wire::url",
  ]);
});
