// Next.js with both of its bundlers, in development and as it is deployed, in its Node and its edge runtime.
import { freePort, isOurs } from "../lib/project.mjs";
import { page, route } from "../lib/ways.mjs";

const started = async (project, ...args) => {
  const port = await freePort();
  return project.start("next", [...args, "-H", "127.0.0.1", "-p", String(port)], {
    url: `http://127.0.0.1:${port}`,
    ready: /(Ready in)/,
  });
};
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
  { name: "route handler, Node", ask: route("/node") },
  { name: "route handler, edge", ask: route("/edge") },
  { name: "route handler, edge, inline", entry: "l402-fetch/inline", ask: route("/edge-inline") },
];
const EDGE = [
  { name: "middleware", ask: route("/bought-by-middleware") },
  { name: "Pages API, edge", ask: route("/api/edge") },
];
const inline = (rows) => rows.map((row) => ({ ...row, name: `${row.name}, inline`, entry: "l402-fetch/inline" }));
const named = (what, rows) => rows.map((row) => ({ ...row, name: `${what}: ${row.name}` }));

const stages = [];
for (const bundler of ["turbopack", "webpack"]) {
  for (const mode of ["dev", "build"]) {
    const what = `${bundler} ${mode}`;
    const open = OPEN[mode](`--${bundler}`);
    stages.push(
      { project: "app", open, rows: named(what, APP) },
      { project: "edge", open, rows: named(what, EDGE) },
      { project: "edge-inline", open, rows: named(what, inline(EDGE)) },
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
