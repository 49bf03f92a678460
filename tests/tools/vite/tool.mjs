// Vite's dev server and its builds, in the majors that projects and frameworks are on.
import { page } from "../lib/ways.mjs";

const dev = (project) => project.listen("vite", ["--host", "127.0.0.1", "--port", "PORT", "--strictPort"]);
const build = async (project) => {
  await project.run("vite", ["build"]);
  return { ...(await project.files("dist")), size: await project.size("dist") };
};

const WORKERS = { module: "module worker", import: "worker by ?worker", shared: "SharedWorker" };
const workers = Object.entries(WORKERS).map(([file, name]) => ({ name, ask: page(`/${file}.html`) }));

const ONE_FILE = "Vite makes one file of a worker, which has the wasm's bytes inside beside the file: see the next row";
const asModules = async (project) => {
  const input = ["module.html", "import.html", "shared.html"];
  const config = { worker: { format: "es" }, build: { rollupOptions: { input } } };
  await project.write("vite.config.js", `export default ${JSON.stringify(config)};`);
  return build(project);
};

export default ["5.4.21", "6.4.6", "7.3.8", "8.4.0"].map((version) => {
  const [major] = version.split(".");
  return {
    name: `Vite ${major}`,
    version,
    home: "vite",
    folder: `vite-${major}`,
    packages: { vite: version },
    stages: [
      { name: "dev", project: "page", quick: true, open: dev, rows: [{ name: "page", ask: page() }] },
      { name: "build", project: "page", quick: true, open: build, rows: [{ name: "page", ask: page("/index.html") }] },
      ...(major === "8"
        ? [
            { name: "dev", project: "workers", open: dev, rows: workers },
            {
              name: "build",
              project: "workers",
              open: build,
              rows: workers.map((row) => ({ ...row, note: ONE_FILE })),
            },
            {
              name: "build",
              project: "workers",
              open: asModules,
              rows: workers.map((row) => ({ ...row, setting: '`worker: { format: "es" }` in vite.config' })),
            },
          ]
        : []),
    ],
  };
});
