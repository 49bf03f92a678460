// webpack and what speaks its language, Rspack and Rsbuild; for a page and for Node.
import { page, program } from "../lib/ways.mjs";

const html = `<!doctype html><title>shopper</title><body><script defer src="./main.js"></script>`;
const built =
  (...command) =>
  async (project) => {
    await project.run(...command);
    await project.write("dist/index.html", html);
    return { ...(await project.files("dist")), size: await project.size("dist") };
  };
const ROWS = [{ name: "page", ask: page("/index.html") }];

export default [
  {
    name: "webpack",
    version: "5.113.0",
    home: "webpack",
    packages: { webpack: "5.113.0", "webpack-cli": "7.3.1" },
    stages: [
      { open: built("webpack", ["./page.js", "--mode", "production"]), rows: ROWS },
      {
        open: (project) => commonjs(project, "main.cjs"),
        rows: [{ name: "Node", ask: program("node", ["dist/main.cjs"]) }],
      },
      {
        // CommonJS in a folder of modules: the chunks can't be loaded
        open: (project) => commonjs(project, "main.cjs", "[id].js"),
        rows: [
          {
            name: "Node, a chunk that can't be loaded",
            note: "here CommonJS chunks in a folder of ES modules",
            ask: program("node", ["dist/main.cjs"]),
            fails: { code: "load_failed", says: /deploy all files of the bundle/ },
          },
        ],
      },
    ],
  },
  {
    name: "Rspack",
    version: "2.3.3",
    home: "webpack",
    folder: "rspack",
    packages: { "@rspack/core": "2.3.3", "@rspack/cli": "2.2.8" },
    stages: [
      { quick: true, open: built("rspack", ["build", "--entry", "./page.js", "--mode", "production"]), rows: ROWS },
    ],
  },
  {
    name: "Rsbuild",
    version: "2.3.2",
    home: "webpack",
    folder: "rsbuild",
    packages: { "@rsbuild/core": "2.3.2" },
    stages: [
      {
        async open(project) {
          await project.write("src/index.js", `import "../page.js";`);
          await project.run("rsbuild", ["build"]);
          return { ...(await project.files("dist")), size: await project.size("dist") };
        },
        rows: ROWS,
      },
    ],
  },
];

async function commonjs(project, filename, chunkFilename = "[id].cjs") {
  const config = { mode: "production", target: "node", entry: "./program.js", output: { filename, chunkFilename } };
  await project.write("webpack.config.js", `export default ${JSON.stringify(config)};`);
  await project.run("webpack", []);
  return { size: await project.size("dist") };
}
