// Starts workerd with every Worker of a folder, each bundled as wrangler does it: esbuild with the condition "workerd",
// and a `.wasm` that is imported becomes a compiled module.
import { spawn } from "node:child_process";
import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { at } from "../../scripts/lib.mjs";

const COMPATIBILITY_DATE = "2026-10-01";

/**
 * `folder/NAME.js` becomes a Worker of that name on a port of its own. A comment `compatibility-date: …` in it sets
 * another date than the usual one, and comments `capnp: …` are fields of its own in workerd's configuration. With
 * `disk`, a folder, there is a service of that name which keeps files there. `certificate` is the path of one that is
 * trusted, in PEM. Resolves with `urls` by name, and a `close(signal)`.
 */
export async function startWorkers(folder, { disk, certificate } = {}) {
  const out = join(folder, "..", "workerd-out");
  await mkdir(out, { recursive: true });
  const files = (await readdir(folder)).filter((name) => name.endsWith(".js"));
  const workers = [];
  for (const file of files) workers.push(await bundle(join(folder, file), out));

  const config = join(out, "config.capnp");
  if (certificate) await copyFile(certificate, join(out, "trusted.pem"));
  await writeFile(config, capnp(workers, disk, certificate && "trusted.pem"));
  const child = spawn(at("tests/node_modules/.bin/workerd"), ["serve", config, "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const urls = {};
  await new Promise((done, fail) => {
    child.on("error", fail);
    child.on("exit", (code) => fail(new Error(`workerd ended with ${code}`)));
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const message = JSON.parse(line);
      if (message.event === "listen") urls[message.socket] = `http://127.0.0.1:${message.port}`;
      if (Object.keys(urls).length === workers.length) done();
    });
  });
  return {
    urls,
    close: (signal) =>
      new Promise((done) => {
        child.removeAllListeners("exit").on("exit", done);
        child.kill(signal);
      }),
  };
}

async function bundle(entry, out) {
  const { build } = await import("esbuild");
  const name = basename(entry, ".js");
  const modules = new Map();
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    write: false,
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    plugins: [
      {
        name: "compiled-wasm",
        setup({ onResolve }) {
          onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
            const file = `${name}-${basename(path)}`;
            modules.set(file, resolve(resolveDir, path));
            return { path: `./${file}`, external: true };
          });
        },
      },
    ],
  });
  const [{ text }] = result.outputFiles;
  await writeFile(join(out, `${name}.js`), text);
  for (const [file, source] of modules) await copyFile(source, join(out, file));
  const source = await readFile(entry, "utf8");
  const date = /compatibility-date: (\S+)/.exec(source)?.[1] ?? COMPATIBILITY_DATE;
  const fields = [...source.matchAll(/^\/\/ capnp: (.*)$/gm)].map(([, field]) => field);
  return { name, date, fields, modules: [...modules.keys()] };
}

function capnp(workers, disk, certificate) {
  const service = ({ name, date, fields, modules }) => `    (name = "${name}", worker = (
      modules = [
        (name = "${name}.js", esModule = embed "${name}.js"),
${modules.map((file) => `        (name = "./${file}", wasm = embed "${file}"),`).join("\n")}
      ],
      compatibilityDate = "${date}",
${fields.map((field) => `      ${field}`).join("\n")}
    )),`;
  const socket = ({ name }) => `    (name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}"),`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "internet", network = (
      allow = ["public", "private", "local"],
${certificate ? `      tlsOptions = (trustedCertificates = [embed "${certificate}"]),` : ""}
    )),
${disk ? `    (name = "disk", disk = (path = "${disk}", writable = true)),` : ""}
${workers.map(service).join("\n")}
  ],
  sockets = [
${workers.map(socket).join("\n")}
  ],
);
`;
}
