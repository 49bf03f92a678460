// Vercel's edge-runtime alone, with a script that esbuild made: not Next's bundlers, which know its modules.
import { route } from "../lib/ways.mjs";

const listening = (entry) => async (project) => {
  await project.write(
    "edge.js",
    `import * as pkg from "${entry}";
import { buy } from "./buy.js";

addEventListener("fetch", (event) => {
  const { base, shop } = Object.fromEntries(new URL(event.request.url).searchParams);
  event.respondWith(buy(pkg, base, shop).then((results) => Response.json(results)));
});
`,
  );
  await project.run("esbuild", ["edge.js", "--bundle", "--minify", "--outfile=out/edge.js"]);
  return project.listen("edge-runtime", ["--listen", "--port", "PORT", "out/edge.js"]);
};

export default [
  {
    name: "edge-runtime",
    version: "4.0.1",
    home: "edge-runtime",
    packages: { "edge-runtime": "4.0.1", esbuild: "0.28.2" },
    stages: [
      { open: listening("l402-fetch"), rows: [{ name: "a script by esbuild", ask: route("/") }] },
      {
        open: listening("l402-fetch/inline"),
        rows: [{ name: "a script by esbuild", entry: "l402-fetch/inline", ask: route("/") }],
      },
    ],
  },
];
