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

/** What a row says of itself, but for its name. */
function told(row) {
  const failure = row.fails?.build ? "does not build" : row.fails?.code ? `\`${row.fails.code}\`` : "fails";
  const result = row.fails ? `**${failure}**` : "works";
  const { entry = "l402-fetch" } = row;
  return [
    entry.startsWith("l402") ? `\`${entry}\`` : entry,
    row.setting ?? "none",
    [result, row.note].filter(Boolean).join("; "),
  ];
}

/** The lines of the table, without their weights: rows of a tool that say the same are one. `{ start, rows }` */
function lines(tools) {
  const groups = new Map();
  for (const tool of tools) {
    for (const stage of tool.stages) {
      for (const row of stage.rows) {
        const key = JSON.stringify([tool.name, tool.version, told(row)]);
        const group = groups.get(key) ?? { tool, row, stages: new Map(), rows: [] };
        const names = group.stages.get(stage.name) ?? [];
        group.stages.set(stage.name, [...names, row.name]);
        group.rows.push(row);
        groups.set(key, group);
      }
    }
  }
  return [...groups.values()].map(({ tool, row, stages, rows }) => {
    const what = [...stages].map(([name, names]) => (name ? `${name}: ${names.join(", ")}` : names.join("; ")));
    return { start: `| ${[tool.name, tool.version, what.join("; "), ...told(row)].map(cell).join(" | ")} |`, rows };
  });
}

/** Writes the table. A line of which nothing was run keeps the weight that it had. */
export async function record(tools, measured) {
  const text = await readFile(FILE, "utf8");
  const [before, old, after] = parts(text);
  const weights = new Map(old.split("\n").map(split));
  const written = lines(tools).map(({ start, rows }) => {
    const sizes = rows.map((row) => measured.get(row)?.size).filter(Boolean);
    const weight = sizes.map(({ js, wasm, gzip }) => `${kilo(js + wasm)} KB, ${kilo(gzip)} gz`);
    return `${start} ${[...new Set(weight)].join("; ") || (weights.get(start) ?? "")} |`;
  });
  await writeFile(FILE, `${before}${BEGIN}\n\n${HEAD}\n${written.join("\n")}\n\n${END}${after}`);
}

/** Throws where the table is not that of the suite. */
export async function checkDocs(tools) {
  const [, table] = parts(await readFile(FILE, "utf8"));
  const bare = tools
    .flatMap(({ stages }) => stages.flatMap(({ rows }) => rows))
    .filter((row) => row.fails && !row.note);
  const names = bare.map(({ name }) => name);
  assert.deepEqual(names, [], "a row that can't work has no line that says what to do");
  const written = table.split("\n").filter((text) => text.startsWith("|"));
  assert.deepEqual(
    written.slice(2).map((text) => split(text)[0]),
    lines(tools).map(({ start }) => start),
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
  const [, start, weight = ""] = /^(.*\|) (.*) \|$/.exec(text) ?? [undefined, text];
  return [start, weight.trim()];
}
