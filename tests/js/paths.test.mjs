// Every file and folder that the documents name is in this repository.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { at } from "../../scripts/lib.mjs";

const PAGES = [
  "README.md",
  "SKILL.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "findings/README.md",
  ...readdirSync(at("docs"), { recursive: true })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Code spans that are a path in a folder of the repository. */
const named = (text) =>
  [...text.matchAll(/`((?:src|tests|docs|scripts|examples|bench|www|findings|\.github)\/[^`\s]*)`/g)].map(
    ([, path]) => path,
  );

/** Targets of links that stay in the repository. */
const linked = (text) =>
  [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target).filter((target) => !target.includes("://"));

test("every file and folder that the documents name is there", async () => {
  const missing = [];
  let found = 0;
  for (const page of PAGES) {
    const text = await readFile(at(page), "utf8");
    const paths = [...named(text), ...linked(text).map((target) => join(dirname(page), target))];
    found += paths.length;
    missing.push(...paths.filter((path) => !existsSync(at(path))).map((path) => `${page}: ${path}`));
  }
  assert.ok(found > 100, "the pages name many files");
  assert.deepEqual(missing, []);
});
