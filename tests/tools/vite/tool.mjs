// Vite's dev server and its builds, in the majors that projects and frameworks are on.
import { freePort } from "../lib/project.mjs";
import { page } from "../lib/ways.mjs";

const dev = async (project) => {
  const port = await freePort();
  return project.start("vite", ["--host", "127.0.0.1", "--port", String(port), "--strictPort"], {
    url: `http://127.0.0.1:${port}`,
  });
};
const build = async (project) => {
  await project.run("vite", ["build"]);
  return { ...(await project.files("dist")), size: await project.size("dist") };
};

const WORKERS = { module: "module worker", import: "worker by ?worker", shared: "SharedWorker" };
const workers = Object.entries(WORKERS).map(([file, name]) => ({ name, ask: page(`/${file}.html`) }));

export default ["5.4.21", "6.4.6", "7.3.8", "8.4.0"].map((version) => {
  const [major] = version.split(".");
  return {
    name: `Vite ${major}`,
    version,
    home: "vite",
    folder: `vite-${major}`,
    packages: { vite: version },
    stages: [
      { project: "page", quick: true, open: dev, rows: [{ name: "dev, page", ask: page() }] },
      { project: "page", quick: true, open: build, rows: [{ name: "build, page", ask: page("/index.html") }] },
      ...(major === "8"
        ? [
            { project: "workers", open: dev, rows: workers.map((row) => ({ ...row, name: `dev, ${row.name}` })) },
            { project: "workers", open: build, rows: workers.map((row) => ({ ...row, name: `build, ${row.name}` })) },
          ]
        : []),
    ],
  };
});
