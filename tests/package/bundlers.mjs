// Each tool as a user starts it: no plugin, and only the settings for input and output.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export async function esbuild(entry, outdir, options) {
  const { build } = await import("esbuild");
  await build({ entryPoints: [entry], bundle: true, minify: true, outdir, logLevel: "error", ...options });
  return outdir;
}

export async function webpack(entry, path, target) {
  const { default: webpack } = await import("webpack");
  const compiler = webpack({ mode: "production", target, context: join(entry, ".."), entry, output: { path } });
  const stats = await new Promise((done, fail) => compiler.run((error, stats) => (error ? fail(error) : done(stats))));
  await new Promise((done) => compiler.close(done));
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  // Its advice on bundle sizes is no defect.
  const complaints = [...errors, ...warnings].filter(({ message }) => !/size limit|performance/i.test(message));
  if (complaints.length > 0) throw new Error(complaints.map(({ message }) => message).join("\n"));
  return path;
}

const vitePage = (folder) =>
  writeFile(
    join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/app/main.js"></script>`,
  );

export async function viteDev(folder, visit) {
  const { createServer } = await import("vite");
  await vitePage(folder);
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0 },
  });
  await server.listen();
  try {
    return await visit(server.resolvedUrls.local[0]);
  } finally {
    await server.close();
  }
}

export async function viteBuild(folder) {
  const { build } = await import("vite");
  await vitePage(folder);
  const outDir = join(folder, "out-vite");
  await build({ root: folder, configFile: false, logLevel: "error", build: { outDir } });
  return outDir;
}

export async function viteServer(folder, noExternal) {
  const { build } = await import("vite");
  const outDir = join(folder, `out-vite-server-${noExternal ? "bundled" : "external"}`);
  await build({
    root: folder,
    configFile: false,
    logLevel: "error",
    build: { outDir, ssr: "app/main-node.js" },
    ssr: { noExternal },
  });
  return outDir;
}

/** For pages, as a module with chunks beside it. */
export async function rolldown(entry, dir) {
  const { build } = await import("rolldown");
  await build({ input: entry, platform: "browser", logLevel: "silent", output: { dir, format: "esm" } });
  return dir;
}

/**
 * What an edge runtime's bundler makes of it: the wasm is a compiled module, found by `?module`. Resolves with the
 * text.
 */
export async function edge(entry) {
  const { build } = await import("esbuild");
  const compiled = {
    name: "compiled-wasm",
    setup({ onResolve }) {
      onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, external: true }));
    },
  };
  const {
    outputFiles: [{ text }],
  } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    conditions: ["edge-light"],
    write: false,
    plugins: [compiled],
    logLevel: "error",
  });
  return text;
}

/** How many bytes one name of an entry adds to a page. */
export async function shaken(folder, entry, name) {
  const { build } = await import("esbuild");
  const contents = `import { ${name} } from "${entry}"; globalThis.found = ${name};`;
  const {
    outputFiles: [{ contents: bytes }],
  } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "error",
  });
  return bytes.length;
}
