// Next.js with both of its bundlers, in development and as it is deployed, in its Node and its edge runtime.
import { isOurs } from "../lib/project.mjs";
import { page, route } from "../lib/ways.mjs";

const started = (project, ...args) =>
  project.listen("next", [...args, "-H", "127.0.0.1", "-p", "PORT"], { ready: /(Ready in)/ });
const OPEN = {
  dev: (bundler) => (project) => started(project, "dev", bundler),
  build: (bundler) => async (project) => {
    await project.run("next", ["build", bundler]);
    return { ...(await started(project, "start")), size: await project.size(".next/static", isOurs) };
  },
};

const APP = [
  { name: "client component", ask: page("/client") },
  { name: "server component", ask: page("/server") },
  { name: "Node route", ask: route("/node") },
  { name: "edge route", ask: route("/edge") },
  { name: "edge route", entry: "l402-fetch/inline", ask: route("/edge-inline") },
];
const EDGE = [
  { name: "middleware", ask: route("/bought-by-middleware") },
  { name: "edge Pages API", ask: route("/api/edge") },
];
const inline = (rows) => rows.map((row) => ({ ...row, entry: "l402-fetch/inline" }));

const stages = [];
for (const bundler of ["turbopack", "webpack"]) {
  for (const mode of ["dev", "build"]) {
    const name = `${bundler} ${mode}`;
    const open = OPEN[mode](`--${bundler}`);
    stages.push(
      { name, project: "app", open, rows: APP },
      { name, project: "edge", open, rows: EDGE },
      { name, project: "edge-inline", open, rows: inline(EDGE) },
    );
  }
}

export default [
  {
    name: "Next.js",
    version: "16.4.6",
    home: "next",
    packages: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
    // with "type": "module" its webpack build of an edge route misses a file of its own, with or without us
    manifest: {},
    stages,
  },
];
