// Rollup and Rolldown as their command lines start them, for a page.
import { page } from "../lib/ways.mjs";

const built = (script, program, args) => async (project) => {
  await project.run(program, [script, ...args]);
  await project.write(
    "out/index.html",
    `<!doctype html><title>shopper</title><script type="module" src="./${script}"></script>`,
  );
  return { ...(await project.files("out")), size: await project.size("out") };
};
const stages = (program, args) => [
  { quick: true, open: built("page.js", program, args), rows: [{ name: "page", ask: page("/index.html") }] },
  {
    open: built("page-inline.js", program, args),
    rows: [{ name: "page", entry: "l402-fetch/inline", ask: page("/index.html") }],
  },
];

export default [
  {
    name: "Rollup",
    version: "4.68.8",
    home: "rollup",
    packages: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3", "@rollup/plugin-terser": "1.0.2" },
    stages: stages("rollup", ["-d", "out", "-p", "node-resolve", "-p", "terser"]),
  },
  {
    name: "Rolldown",
    version: "1.3.3",
    home: "rollup",
    folder: "rolldown",
    packages: { rolldown: "1.3.3" },
    stages: stages("rolldown", ["-d", "out", "--minify"]),
  },
];
