// Rollup and Rolldown as their command lines start them, for a page.
import { page } from "../lib/ways.mjs";

const built = (program, args) => async (project) => {
  await project.run(program, args);
  await project.write("out/index.html", `<!doctype html><title>shopper</title><script type="module" src="./page.js"></script>`);
  return { ...(await project.files("out")), size: await project.size("out") };
};
const rows = (name, entry) => [{ name, entry, ask: page("/index.html") }];

export default [
  {
    name: "Rollup", version: "4.68.8", home: "rollup", packages: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3", "@rollup/plugin-terser": "1.0.2" },
    stages: [
      { quick: true, open: built("rollup", ["page.js", "-d", "out", "-p", "node-resolve", "-p", "terser"]), rows: rows("page") },
      { open: async (project) => built("rollup", ["inline/page.js", "-d", "out", "-p", "node-resolve", "-p", "terser"])(await inlined(project)), rows: rows("page, inline", "l402-fetch/inline") },
    ],
  },
  {
    name: "Rolldown", version: "1.3.3", home: "rollup", folder: "rolldown", packages: { rolldown: "1.3.3" },
    stages: [
      { quick: true, open: built("rolldown", ["page.js", "-d", "out", "--minify"]), rows: rows("page") },
      { open: async (project) => built("rolldown", ["inline/page.js", "-d", "out", "--minify"])(await inlined(project)), rows: rows("page, inline", "l402-fetch/inline") },
    ],
  },
];

/** The page with the other entry, under the same name. */
async function inlined(project) {
  await project.run("cp", ["-r", "page-inline.js", "page.js"]);
  await project.run("mkdir", ["inline"]);
  await project.run("cp", ["page.js", "buy.js", "inline"]);
  return project;
}
