// Astro on Node and on Cloudflare: a page and an endpoint.
import { isOurs } from "../lib/project.mjs";
import { page, route } from "../lib/ways.mjs";

const ROWS = [
  { name: "page", ask: page("/") },
  { name: "endpoint", ask: route("/purchase") },
];

const listening = (project, command) => project.listen("astro", [command, "--host", "127.0.0.1", "--port", "PORT"]);
const preview = async (project) => {
  await project.run("astro", ["build"]);
  return { ...(await listening(project, "preview")), size: await project.size("dist/client", isOurs) };
};
const stages = (project) => [
  { name: "dev", project, open: (made) => listening(made, "dev"), rows: ROWS },
  { name: "build and preview", project, open: preview, rows: ROWS },
];

export default [
  {
    name: "Astro, node",
    version: "7.3.5",
    home: "astro",
    folder: "astro-node",
    packages: { astro: "7.3.5", "@astrojs/node": "11.1.6" },
    stages: stages("node"),
  },
  {
    name: "Astro, cloudflare",
    version: "7.3.5",
    home: "astro",
    folder: "astro-cloudflare",
    packages: { astro: "7.3.5", "@astrojs/cloudflare": "14.3.3", wrangler: "4.164.0" },
    stages: stages("cloudflare"),
  },
];
