// esbuild: a page in both entries, one file for Node, a single executable of it, and what an import of little weighs.
import assert from "node:assert/strict";
import { page, program } from "../lib/ways.mjs";

const bundle =
  (entry, ...args) =>
  async (project) => {
    await project.run("esbuild", [entry, "--bundle", "--minify", "--format=esm", ...args]);
    await project.write(
      "out/index.html",
      `<!doctype html><title>shopper</title><script type="module" src="./${entry}"></script>`,
    );
    return { ...(await project.files("out")), size: await project.size("out") };
  };

/** An import of one small name; `most` is what its bundle may weigh, in bytes. */
const shaken = (name, entry, most) => ({
  open: async (project) => {
    await project.write("small.js", `import { ${name} } from "${entry}";\nconsole.log(${name}.name);\n`);
    await project.run("esbuild", ["small.js", "--bundle", "--minify", "--format=esm", "--outfile=out/small.js"]);
    return { size: await project.size("out") };
  },
  quick: true,
  rows: [
    {
      name: `only ${name}`,
      entry,
      note: "tree shaking: nothing of the core comes along",
      ask: async (_project, site) => site.size,
      expect: ({ js }) => assert.ok(js <= most, `${js} bytes, where ${most} were expected at most`),
    },
  ],
});

export default [
  {
    name: "esbuild",
    version: "0.28.2",
    home: "esbuild",
    packages: { esbuild: "0.28.2" },
    stages: [
      {
        quick: true,
        open: bundle("page.js", "--outdir=out", "--splitting"),
        rows: [{ name: "page", ask: page("/index.html") }],
      },
      {
        quick: true,
        open: bundle("page-inline.js", "--outdir=out"),
        rows: [{ name: "page, one file", entry: "l402-fetch/inline", ask: page("/index.html") }],
      },
      {
        quick: true,
        open: bundle("program.js", "--platform=node", "--outdir=out"),
        rows: [{ name: "Node, one file", ask: program("node", ["out/program.js"]) }],
      },
      {
        node: "26.10.0",
        async open(project) {
          await project.run("esbuild", [
            "program.js",
            "--bundle",
            "--platform=node",
            "--format=cjs",
            "--outfile=out/program.cjs",
          ]);
          await project.write(
            "sea.json",
            JSON.stringify({ main: "out/program.cjs", output: "out/shopper", disableExperimentalSEAWarning: true }),
          );
          await project.run("node", ["--build-sea", "sea.json"]);
        },
        rows: [{ name: "Node 26, --build-sea", ask: program("out/shopper", []) }],
      },
      shaken("L402Error", "l402-fetch", 2000),
      shaken("receiptOf", "l402-fetch", 2000),
      shaken("L402Error", "l402-fetch/inline", 2000),
    ],
  },
];
