// `npm run docs`: builds the API reference into target/api, from the types of the last `npm run build`. Any warning is
// a failure, and so is a public item without a comment.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { build } from "./build.mjs";
import { at } from "./lib.mjs";
import { setup } from "./setup.mjs";

const OUT = at("target/api");

/** The names that users import, by the file of their types. If two have the same types, the first counts. */
async function imports() {
  const { name, exports } = JSON.parse(await readFile(at("package.json"), "utf8"));
  const found = new Map();
  for (const [path, { types }] of Object.entries(exports)) {
    const file = types?.default ?? types;
    if (file && !found.has(at(file))) found.set(at(file), name + path.slice(1));
  }
  return found;
}

await setup("docs");
if (!existsSync(at("dist"))) await build();
const { Application, LogLevel, ReflectionKind } = await import("./reference/node_modules/typedoc/dist/index.js");

/** Whether a comment explains an item: its own, or the comment of the item that its type is written out in. */
function isExplained(item) {
  if (item.hasComment() || item.signatures?.some((signature) => signature.hasComment())) return true;
  return Boolean(item.parent?.kindOf(ReflectionKind.TypeLiteral));
}

const names = await imports();
const app = await Application.bootstrap({
  name: "l402-fetch",
  entryPoints: [...names.keys()],
  tsconfig: at("scripts/reference/tsconfig.json"),
  displayBasePath: at("dist"),
  readme: at("scripts/reference/front.md"),
  out: OUT,
  disableSources: true,
  excludeExternals: true,
  hideGenerator: true,
  includeVersion: true,
  navigation: { includeFolders: false },
  sort: ["source-order"],
  groupOrder: ["Functions", "Classes", "Interfaces", "*"],
  logLevel: LogLevel.Warn,
});
const project = await app.convert();
if (project) {
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    module.name = names.get(at(`dist/${module.name}.d.ts`)) ?? module.name;
  }
  app.validate(project);
  const kinds = ["Class", "Enum", "Function", "Interface", "Method", "Property", "TypeAlias", "Variable"];
  for (const item of project.getReflectionsByKind(kinds.reduce((all, kind) => all | ReflectionKind[kind], 0))) {
    if (!isExplained(item)) app.logger.warn(`${item.getFriendlyFullName()} has no comment`);
  }
  await app.generateOutputs(project);
}
if (!project || app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
else console.log(`the reference is in ${OUT}/index.html`);
