// The pages that users read, and just enough Markdown: headings, code blocks and tables.
import { readdirSync, readFileSync } from "node:fs";
import { at } from "../../scripts/lib.mjs";

/** `[{ lang, code, heading, line }]`, in order; `heading` is the nearest one above, `line` the first of the code. */
export function codeBlocks(text) {
  const blocks = [];
  let heading = "";
  let open;
  for (const [index, line] of text.split("\n").entries()) {
    if (open) {
      if (line === "```") {
        blocks.push({ ...open, code: `${open.code.join("\n")}\n` });
        open = undefined;
      } else open.code.push(line);
    } else if (line.startsWith("```")) open = { lang: line.slice(3).trim(), code: [], heading, line: index + 2 };
    else if (/^#+ /.test(line)) heading = line.replace(/^#+ /, "");
  }
  if (open) throw new Error(`the code block of line ${open.line} has no end`);
  return blocks;
}

/** The first table below a heading, whose header line begins with `first`: its rows, as cells by column name. */
export function table(text, heading, first) {
  const lines = text.split("\n");
  const top = lines.findIndex((line) => line.replace(/^#+ /, "") === heading && line.startsWith("#"));
  if (top < 0) throw new Error(`there is no heading "${heading}"`);
  const start = lines.findIndex((line, index) => index > top && line.startsWith(`| ${first} |`));
  if (start < 0) throw new Error(`"${heading}" has no table that begins with ${first}`);
  const cells = (line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const names = cells(lines[start]);
  const rows = [];
  for (let at = start + 2; lines[at]?.startsWith("|"); at++) {
    const row = cells(lines[at]);
    if (row.length !== names.length)
      throw new Error(`line ${at + 1} has ${row.length} cells, its table has ${names.length} columns`);
    rows.push(Object.fromEntries(names.map((name, column) => [name, row[column]])));
  }
  return rows;
}

/** The anchors that GitHub gives to the headings. */
export function anchors(text) {
  return text
    .split("\n")
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, "")
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    );
}

/** The words of a text that stand in code spans. */
export const spans = (text) => [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span);

const files = [
  "README.md",
  "SKILL.md",
  ...readdirSync(at("docs"), { recursive: true })
    .sort()
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** `[{ page, text, blocks }]`: the README and the skill, then each page of docs/. */
export const pages = files.map((page) => {
  const text = readFileSync(at(page), "utf8");
  return { page, text, blocks: codeBlocks(text) };
});
