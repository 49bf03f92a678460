// SvelteKit on Node and on Cloudflare: a page and an endpoint.
import { isOurs, WRANGLER_DEV } from "../lib/project.mjs";
import { page, route } from "../lib/ways.mjs";

const ROWS = [
  { name: "page", ask: page("/") },
  { name: "endpoint", ask: route("/purchase") },
];

const dev = (project) => project.listen("vite", ["--host", "127.0.0.1", "--port", "PORT", "--strictPort"]);

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
      { name: "dev", project: "node", open: dev, rows: ROWS },
      {
        name: "build",
        project: "node",
        async open(project) {
          await project.run("vite", ["build"]);
          const size = await project.size("build/client", isOurs);
          const env = { HOST: "127.0.0.1", PORT: "PORT", ORIGIN: "http://127.0.0.1:PORT" };
          return { ...(await project.listen("node", ["build"], { ready: /(Listening on)/, env })), size };
        },
        rows: ROWS,
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
      { name: "dev", project: "cloudflare", open: dev, rows: ROWS },
      {
        name: "build, run by workerd",
        project: "cloudflare",
        async open(project) {
          await project.run("vite", ["build"]);
          return project.listen("wrangler", WRANGLER_DEV, { ready: /(Ready on)/ });
        },
        rows: ROWS,
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
    stages: [{ name: "dev", project: "vite6", open: dev, rows: ROWS }],
  },
];
