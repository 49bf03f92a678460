// Deno as runtime and as bundler.
import { page, program } from "../lib/ways.mjs";

// the project's folder of packages is what Deno reads, too
const NPM = ["--node-modules-dir=manual"];

export default [
  {
    name: "Deno",
    version: "2.9.6",
    home: "deno",
    packages: { deno: "2.9.6" },
    stages: [
      {
        quick: true,
        rows: [
          {
            name: "deno run",
            note: "needs `--allow-net` and nothing else",
            ask: program("deno", ["run", ...NPM, "--allow-net", "program.js"]),
          },
        ],
      },
      {
        async open(project) {
          await project.run("deno", ["bundle", ...NPM, "-o", "out/program.js", "program.js"]);
          return { size: await project.size("out") };
        },
        rows: [
          { name: "deno bundle, run by Deno", ask: program("deno", ["run", "--allow-net", "out/program.js"]) },
          { name: "deno bundle, run by Node", ask: program("node", ["out/program.js"]) },
        ],
      },
      {
        quick: true,
        async open(project) {
          await project.run("deno", [
            "bundle",
            ...NPM,
            "--minify",
            "--platform=browser",
            "-o",
            "out/page.js",
            "page.js",
          ]);
          await project.write(
            "out/index.html",
            `<!doctype html><title>shopper</title><script type="module" src="./page.js"></script>`,
          );
          return { ...(await project.files("out")), size: await project.size("out") };
        },
        rows: [{ name: "deno bundle --platform=browser", ask: page("/index.html") }],
      },
    ],
  },
];
