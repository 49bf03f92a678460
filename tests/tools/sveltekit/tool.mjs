// SvelteKit on Node and on Cloudflare: a page and an endpoint.
import { freePort, isOurs } from "../lib/project.mjs";
import { page, route } from "../lib/ways.mjs";

const ROWS = [
  { name: "page", ask: page("/") },
  { name: "endpoint", ask: route("/purchase") },
];
const named = (what) => ROWS.map((row) => ({ ...row, name: `${what}, ${row.name}` }));

const dev = async (project) => {
  const port = await freePort();
  return project.start("vite", ["--host", "127.0.0.1", "--port", String(port), "--strictPort"], {
    url: `http://127.0.0.1:${port}`,
  });
};

export default [
  {
    name: "SvelteKit, adapter-node",
    version: "3.2.0",
    home: "sveltekit",
    folder: "sveltekit-node",
    packages: {
      "@sveltejs/kit": "3.2.0",
      "@sveltejs/adapter-node": "6.0.1",
      "@sveltejs/vite-plugin-svelte": "7.3.1",
      svelte: "5.57.3",
      vite: "8.4.0",
    },
    stages: [
      { project: "node", open: dev, rows: named("dev") },
      {
        project: "node",
        async open(project) {
          await project.run("vite", ["build"]);
          const port = await freePort();
          const url = `http://127.0.0.1:${port}`;
          const size = await project.size("build/client", isOurs);
          return {
            ...(await project.start("node", ["build"], {
              url,
              ready: /(Listening on)/,
              env: { HOST: "127.0.0.1", PORT: String(port), ORIGIN: url },
            })),
            size,
          };
        },
        rows: named("build"),
      },
    ],
  },
  {
    name: "SvelteKit, adapter-cloudflare",
    version: "2.70.4",
    home: "sveltekit",
    folder: "sveltekit-cloudflare",
    packages: {
      "@sveltejs/kit": "2.70.4",
      "@sveltejs/adapter-cloudflare": "7.2.9",
      "@sveltejs/vite-plugin-svelte": "7.3.1",
      svelte: "5.57.3",
      vite: "8.4.0",
      wrangler: "4.164.0",
    },
    stages: [
      { project: "cloudflare", open: dev, rows: named("dev") },
      {
        project: "cloudflare",
        async open(project) {
          await project.run("vite", ["build"]);
          const port = await freePort();
          return project.start(
            "wrangler",
            ["dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", String(await freePort())],
            { url: `http://127.0.0.1:${port}`, ready: /(Ready on)/ },
          );
        },
        rows: named("build in workerd"),
      },
    ],
  },
  {
    // the Vite of most frameworks' installations today
    name: "SvelteKit on Vite 6",
    version: "2.70.4",
    home: "sveltekit",
    folder: "sveltekit-vite-6",
    packages: {
      "@sveltejs/kit": "2.70.4",
      "@sveltejs/adapter-auto": "7.0.1",
      "@sveltejs/vite-plugin-svelte": "5.1.1",
      svelte: "5.57.3",
      vite: "6.4.6",
    },
    stages: [{ project: "vite6", open: dev, rows: named("dev") }],
  },
];
