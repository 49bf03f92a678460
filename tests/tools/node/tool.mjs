// Node itself, in each way that a program can take the package, and what runs TypeScript in it.
import { program } from "../lib/ways.mjs";

const node = (...args) => program("node", args);
const versions = (name, list, row) =>
  list.map((version) => ({
    name,
    version,
    home: "node",
    packages: { "@types/node": "22.20.7" },
    stages: [{ node: version, project: "project", rows: row(version) }],
  }));

export default [
  ...versions("Node", ["20.18.3", "20.20.2", "22.11.0", "22.23.3", "26.10.0"], (version) => [
    { name: "import", ask: node("program.js") },
    { name: "require", ask: node("require.cjs") },
    ...(version.startsWith("26") ? [{ name: "a .mts file", ask: node("program.mts") }] : []),
    ...(version.startsWith("22.23")
      ? [
          {
            name: "a runtime without WebAssembly",
            note: "Fastly's, React Native's, iOS in Lockdown Mode: nothing is paid",
            ask: node("no-wasm.js"),
            fails: { code: "load_failed", says: /WebAssembly/ },
          },
        ]
      : []),
  ]),
  ...["20.18.3", "22.23.3"].map((version) => ({
    name: `tsx, Node ${version.split(".")[0]}`,
    version: "4.23.15",
    home: "node",
    folder: "tsx",
    packages: { tsx: "4.23.15" },
    stages: [
      { node: version, project: "project", rows: [{ name: "a .mts file", ask: program("tsx", ["program.mts"]) }] },
    ],
  })),
  {
    name: "ts-node",
    version: "10.9.2",
    home: "node",
    folder: "ts-node",
    packages: { "ts-node": "10.9.2", typescript: "5.9.3", "@types/node": "22.20.7" },
    manifest: { type: "commonjs" },
    stages: [{ project: "ts-node", rows: [{ name: "CommonJS, nodenext", ask: program("ts-node", ["program.ts"]) }] }],
  },
];
