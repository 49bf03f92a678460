// The tools, in the order in which they are told in docs/runtimes.md.
import { readdirSync, existsSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const modules = readdirSync(here)
  .sort()
  .filter((name) => existsSync(join(here, name, "tool.mjs")));

export const TOOLS = (await Promise.all(modules.map((name) => import(`./${name}/tool.mjs`)))).flatMap(
  (module) => module.default,
);
