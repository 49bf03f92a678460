// Cloudflare's own: wrangler, and its plugins for Vite and Vitest; with the Durable Object store and ledger, too.
import { WRANGLER_DEV } from "../lib/project.mjs";
import { page, route, withEnv } from "../lib/ways.mjs";

const dev = (project) => project.listen("wrangler", WRANGLER_DEV);
const VITE = ["--host", "127.0.0.1", "--port", "PORT", "--strictPort"];
const dryRun = async (project) => {
  await project.run("wrangler", ["deploy", "--dry-run", "--outdir", "out", "--minify"]);
  return { size: await project.size("out") };
};
/** What is uploaded is run as it would be there: by workerd, which wrangler brings along, without another bundling. */
const deployed = async (project) => {
  const { size } = await dryRun(project);
  await project.write(
    "out/wrangler.jsonc",
    JSON.stringify({
      name: "deployed",
      main: "worker.js",
      compatibility_date: "2026-10-01",
      no_bundle: true,
      rules: [{ type: "CompiledWasm", globs: ["**/*.wasm"] }],
    }),
  );
  return { ...(await project.listen("wrangler", [...WRANGLER_DEV, "--config", "out/wrangler.jsonc"])), size };
};

const ROWS = [
  { name: "page", ask: page("/index.html") },
  { name: "Worker", ask: route("/purchase") },
];

export default [
  {
    name: "wrangler",
    version: "4.164.0",
    home: "cloudflare",
    packages: { wrangler: "4.164.0" },
    stages: [
      { quick: true, project: "worker", open: dev, rows: [{ name: "dev", ask: route("/purchase") }] },
      {
        project: "worker",
        open: deployed,
        rows: [{ name: "deploy --dry-run, its output run", ask: route("/purchase") }],
      },
      {
        project: "ledger",
        open: dev,
        rows: [{ name: "dev, with the Durable Object's ledger", ask: route("/purchase") }],
      },
      {
        project: "ledger",
        open: dryRun,
        rows: [
          {
            name: "deploy --dry-run, with the Durable Object's ledger",
            ask: async (_project, site) => site.size,
            expect: ({ wasm }) => {
              if (!wasm) throw new Error("no wasm is uploaded");
            },
          },
        ],
      },
    ],
  },
  {
    name: "@cloudflare/vite-plugin",
    version: "1.64.0",
    home: "cloudflare",
    folder: "cloudflare-vite",
    packages: { vite: "8.4.0", "@cloudflare/vite-plugin": "1.64.0", wrangler: "4.164.0" },
    stages: [
      {
        name: "dev",
        project: "vite",
        open: (project) => project.listen("vite", VITE),
        rows: ROWS,
      },
      {
        name: "build and preview",
        project: "vite",
        async open(project) {
          await project.run("vite", ["build"]);
          return {
            ...(await project.listen("vite", ["preview", ...VITE])),
            size: await project.size("dist/client"),
          };
        },
        rows: ROWS,
      },
    ],
  },
  {
    name: "@cloudflare/vitest-plugin",
    version: "1.5.0",
    home: "cloudflare",
    folder: "cloudflare-vitest",
    packages: { vitest: "5.1.2", vite: "8.4.0", "@cloudflare/vitest-plugin": "1.5.0", wrangler: "4.164.0" },
    stages: [
      { project: "vitest", rows: [{ name: "a test in workerd", ask: withEnv("vitest", ["run", "worker.test.js"]) }] },
    ],
  },
];
