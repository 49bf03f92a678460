// Nuxt and Nitro on Node and on Cloudflare.
import { WRANGLER_DEV } from "../lib/project.mjs";
import { page, route } from "../lib/ways.mjs";

const ROWS = [
  { name: "page", ask: page("/") },
  { name: "server route", ask: route("/api/buy") },
];
const WASM = "`nitro: { experimental: { wasm: true } }` in nuxt.config";

/** Without that setting the build ends at the wasm, with an error of the bundler's. */
const UNREADABLE = {
  note: "its bundler takes no wasm before it is told to: see the next row",
  ask: route("/api/buy"),
  fails: { build: /l402_fetch\.wasm/ },
};

const configured = async (project, config) =>
  project.write(
    "nuxt.config.js",
    `export default ${JSON.stringify({ compatibilityDate: "2026-10-01", devtools: { enabled: false }, ...config })};`,
  );
const dev = async (project) => {
  await configured(project, {});
  const args = ["dev", "--host", "127.0.0.1", "--port", "PORT"];
  return project.listen("nuxt", args, { ready: /(Nitro.* built)/, env: { NUXT_IGNORE_LOCK: "1" } });
};
const node = async (project) => {
  await configured(project, {});
  await project.run("nuxt", ["build"]);
  return served(project);
};
const served = (project) =>
  project.listen("node", [".output/server/index.mjs"], {
    ready: /(Listening on)/,
    env: { HOST: "127.0.0.1", PORT: "PORT" },
  });
/** Runs the output as it would be uploaded, without another bundling. */
const workerd = async (project) => {
  await project.write(
    "wrangler-test.json",
    JSON.stringify({
      name: "shopper",
      main: ".output/server/index.mjs",
      compatibility_date: "2026-10-01",
      compatibility_flags: ["nodejs_compat"],
      no_bundle: true,
      find_additional_modules: true,
      base_dir: ".output/server",
      rules: [
        { type: "ESModule", globs: ["**/*.mjs"] },
        { type: "CompiledWasm", globs: ["**/*.wasm"] },
      ],
      assets: { directory: ".output/public" },
    }),
  );
  return project.listen("wrangler", [...WRANGLER_DEV, "--config", "wrangler-test.json"], { ready: /(Ready on)/ });
};
const cloudflare = (nitro) => async (project) => {
  await configured(project, { nitro: { preset: "cloudflare_module", ...nitro } });
  await project.run("nuxt", ["build"]);
  return workerd(project);
};
const nitro =
  (preset, config = {}) =>
  async (project) => {
    await project.write(
      "nitro.config.js",
      `export default ${JSON.stringify({ compatibilityDate: "2026-10-01", preset, minify: false, ...config })};`,
    );
    await project.run("nitro", ["build"]);
    return preset.startsWith("cloudflare") ? workerd(project) : served(project);
  };

export default [
  {
    name: "Nuxt",
    version: "4.5.2",
    home: "nuxt",
    packages: { nuxt: "4.5.2", vue: "3.5.45", wrangler: "4.164.0" },
    stages: [
      { name: "dev", project: "project", open: dev, rows: ROWS },
      { name: "node_server", project: "project", open: node, rows: ROWS },
      { project: "project", open: cloudflare({}), rows: [{ name: "cloudflare_module", ...UNREADABLE }] },
      {
        name: "cloudflare_module",
        project: "project",
        open: cloudflare({ experimental: { wasm: true } }),
        rows: ROWS.map((row) => ({ ...row, setting: WASM })),
      },
    ],
  },
  {
    name: "Nitro",
    version: "3.0.0",
    home: "nuxt",
    folder: "nitro",
    packages: { nitro: "3.0.0", wrangler: "4.164.0" },
    stages: [
      { project: "nitro", open: nitro("node-server"), rows: [{ name: "node-server", ask: route("/api/buy") }] },
      { project: "nitro", open: nitro("cloudflare-module"), rows: [{ name: "cloudflare-module", ...UNREADABLE }] },
      {
        project: "nitro",
        open: nitro("cloudflare-module", { experimental: { wasm: true } }),
        rows: [
          {
            name: "cloudflare-module",
            setting: "`experimental: { wasm: true }` in nitro.config",
            ask: route("/api/buy"),
          },
        ],
      },
    ],
  },
];
