// Bun as runtime and as bundler.
import { page, program } from "../lib/ways.mjs";

const built = (args) => async (project) => {
  await project.run("bun", ["build", ...args]);
  return { size: await project.size("out") };
};
const served = (args) => async (project) => {
  await project.run("bun", ["build", "--minify", "--target=browser", "--outdir=out", ...args]);
  if (args[0].endsWith(".js"))
    await project.write(
      "out/index.html",
      `<!doctype html><title>shopper</title><script type="module" src="./page.js"></script>`,
    );
  return { ...(await project.files("out")), size: await project.size("out") };
};

export default [
  {
    name: "Bun",
    version: "1.4.5",
    home: "bun",
    packages: { bun: "1.4.5" },
    stages: [
      { quick: true, rows: [{ name: "bun run", ask: program("bun", ["program.js"]) }] },
      {
        open: built(["--target=bun", "--outdir=out", "program.js"]),
        rows: [{ name: "bun build --target=bun", ask: program("bun", ["out/program.js"]) }],
      },
      {
        open: built(["--target=node", "--outdir=out", "program.js"]),
        rows: [{ name: "bun build --target=node", ask: program("node", ["out/program.js"]) }],
      },
      {
        async open(project) {
          await project.run("bun", ["build", "--compile", "--outfile=out/shopper", "program.js"]);
          // nothing of the project is beside it
          await project.run("mkdir", ["empty"]);
        },
        rows: [{ name: "bun build --compile", ask: program("../out/shopper", [], { cwd: "empty" }) }],
      },
      {
        quick: true,
        open: served(["page.js"]),
        rows: [{ name: "bun build, page from a script", ask: page("/index.html") }],
      },
      {
        project: "html",
        open: served(["index.html"]),
        rows: [{ name: "bun build, page from HTML", ask: page("/index.html") }],
      },
    ],
  },
];
