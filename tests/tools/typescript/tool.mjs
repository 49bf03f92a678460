// TypeScript in each way that it resolves modules: the main entry and every subpath that needs no framework, with
// and without the DOM, the types of libraries checked.
import { readFile } from "node:fs/promises";
import { at } from "../../../scripts/lib.mjs";

const { exports } = JSON.parse(await readFile(at("package.json"), "utf8"));
/** They are imported beside their framework, whose types they show. tests/agents checks them there. */
const ADAPTERS = /\/agents\/(ai-sdk|claude|langchain|mastra|openai-agents)$/;
const entries = Object.keys(exports)
  .filter((name) => exports[name].types && !ADAPTERS.test(name))
  .map((name) => `l402-fetch${name.slice(1)}`);
/** A file that imports them all; `type` stands at what takes the place of `fetch`. */
function file(names, type) {
  const imports = names.map((name, index) => `import * as entry${index} from "${name}";`);
  return `${imports.join("\n")}
import { createFetch } from "l402-fetch";

export const all = [${names.map((_, index) => `entry${index}`).join(", ")}];
export const pay${type} = createFetch({ wallet: () => ({ failed: "no" }), limits: { perPayment: 0 } });
`;
}

/** Each way: what the file is called, and its options. */
const WAYS = {
  bundler: { name: "file.ts", options: { module: "esnext", moduleResolution: "bundler" } },
  "nodenext, a module": { name: "file.mts", options: { module: "nodenext", moduleResolution: "nodenext" } },
  "nodenext, CommonJS": { name: "file.cts", options: { module: "nodenext", moduleResolution: "nodenext" } },
  "node16, a module": { name: "file.mts", options: { module: "node16", moduleResolution: "node16" } },
  "node16, CommonJS": {
    name: "file.cts",
    options: { module: "node16", moduleResolution: "node16" },
    names: entries.filter((name) => !name.endsWith("/ledger")),
    note: "all but `l402-fetch/stores/durable-object/ledger`, a Worker's class, which nobody requires",
  },
  node10: { name: "file.ts", options: { module: "commonjs", moduleResolution: "node10" } },
};

const compiled =
  ({ name, options, names = entries }) =>
  async (project) => {
    const base = { target: "es2022", strict: true, noEmit: true, skipLibCheck: false, types: [], ...options };
    await project.write(name, file(names, ": typeof fetch"));
    await project.write(`no-dom/${name}`, file(names, ""));
    await project.write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: { ...base, lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"] },
        files: [name],
      }),
    );
    await project.write(
      "no-dom/tsconfig.json",
      JSON.stringify({ compilerOptions: { ...base, types: ["node"], lib: ["es2023"] }, files: [name] }),
    );
    await project.run("tsc", ["-p", "tsconfig.json"]);
    await project.run("tsc", ["-p", "no-dom/tsconfig.json"]);
  };

/** What TypeScript itself does not do, whatever is imported. */
const REFUSED = {
  "6.0.3 node10": { build: /TS5107/, note: "deprecated in TypeScript 6: it wants `ignoreDeprecations`" },
  "7.0.2 node10": { build: /TS5108/, note: "gone from TypeScript 7" },
};

export default ["5.9.3", "6.0.3", "7.0.2"].map((version) => ({
  name: "TypeScript",
  version,
  home: "typescript",
  packages: { typescript: version, "@types/node": "22.20.7" },
  stages: Object.entries(WAYS).map(([name, way]) => {
    const refused = REFUSED[`${version} ${name}`];
    return {
      quick: version === "7.0.2",
      open: compiled(way),
      rows: [
        {
          name,
          entry: "every entry",
          note: refused?.note ?? way.note,
          ask: async () => {},
          expect: () => {},
          fails: refused,
        },
      ],
    };
  }),
}));
