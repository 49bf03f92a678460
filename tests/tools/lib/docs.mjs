// docs/runtimes.md holds a table of all rows, written here from what was measured; the text around it is by hand.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { at } from "../../../scripts/lib.mjs";

const FILE = at("docs/runtimes.md");
const BEGIN = "<!-- rows: written by npm run test:tools -- --record -->";
const END = "<!-- end of rows -->";
const HEAD = "| Tool | Version | What | Import | Setting | Result and note | Weight |\n|---|---|---|---|---|---|---|";

const kilo = (bytes) => (bytes / 1000).toFixed(0);
const cell = (text = "") => text.replaceAll("|", "\\|");

/** A row without its weight, which is measured. */
function line(tool, row) {
  const result = row.fails
    ? `**${row.fails.build ? "does not build" : (row.fails.code && `\`${row.fails.code}\``) || "fails"}**`
    : "works";
  const note = [result, row.note].filter(Boolean).join(". ");
  const entry = `\`${row.entry ?? "l402-fetch"}\``;
  return `| ${[tool.name, tool.version, row.name, entry, row.setting ?? "none", note].map(cell).join(" | ")} |`;
}

const rowsOf = (tools) =>
  tools.flatMap((tool) => tool.stages.flatMap((stage) => stage.rows.map((row) => ({ tool, row }))));

/** Writes the table. A row that was not run keeps the weight that it had. */
export async function record(tools, measured) {
  const text = await readFile(FILE, "utf8");
  const [before, old, after] = parts(text);
  const weights = new Map(old.split("\n").map(split));
  const lines = rowsOf(tools).map(({ tool, row }) => {
    const start = line(tool, row);
    const { size } = measured.get(row) ?? {};
    const weight = size ? `${kilo(size.js + size.wasm)} KB, ${kilo(size.gzip)} gz` : (weights.get(start) ?? "");
    return `${start} ${weight} |`;
  });
  await writeFile(FILE, `${before}${BEGIN}\n\n${HEAD}\n${lines.join("\n")}\n\n${END}${after}`);
}

/** Throws where the table is not that of the suite. */
export async function checkDocs(tools) {
  const [, table] = parts(await readFile(FILE, "utf8"));
  const bare = rowsOf(tools).filter(({ row }) => row.fails && !row.note);
  assert.deepEqual(
    bare.map(({ row }) => row.name),
    [],
    "a row that can't work has no line that says what to do",
  );
  const written = table
    .split("\n")
    .filter((text) => text.startsWith("|"))
    .slice(2)
    .map((text) => split(text)[0]);
  assert.deepEqual(
    written,
    rowsOf(tools).map(({ tool, row }) => line(tool, row)),
    "the table is another than the suite's: npm run test:tools -- --record",
  );
}

function parts(text) {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  assert.ok(begin >= 0 && end > begin, `${FILE} has no place for the rows`);
  return [text.slice(0, begin), text.slice(begin + BEGIN.length, end), text.slice(end + END.length)];
}

/** A line of the table without its last cell, and that cell. */
function split(text) {
  const [, start, weight = ""] = /^(.*\|) (.*) \|$/.exec(text) ?? [, text];
  return [start, weight.trim()];
}
