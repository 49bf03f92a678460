#!/bin/sh
# Nitro 3.0.0 (and Nuxt 4.5.2 on Nitro 2.13.6): a package whose `exports` lead to one file by the condition "module" and to
# another by "default" builds for Node without a word, and its first request fails: the build copies the file of "module"
# into .output/server/node_modules, where Node, which knows no such condition, imports the file of "default".
# Seen: ERR_MODULE_NOT_FOUND for node_modules/dual/default.js, with module.js beside the missing file.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --no-audit --no-fund --loglevel=error --before=2026-11-28 nitro@3.0.0 > /dev/null 2>&1

mkdir -p node_modules/dual api
cat > node_modules/dual/package.json <<'JSON'
{
  "name": "dual",
  "version": "1.0.0",
  "type": "module",
  "exports": { ".": { "node": { "module": "./module.js", "default": "./default.js" } } }
}
JSON
echo 'export const which = "module";' > node_modules/dual/module.js
echo 'export const which = "default";' > node_modules/dual/default.js
cat > api/which.js <<'JS'
import { which } from "dual";
export default () => ({ which });
JS
echo 'export default { compatibilityDate: "2026-10-01", preset: "node-server", minify: false };' > nitro.config.js
npx nitro build > build.log 2>&1 || { cat build.log; echo "the build fails"; exit 1; }

ls .output/server/node_modules/dual
cat > ask.mjs <<'JS'
import { spawn } from "node:child_process";
import { createServer } from "node:net";
const free = createServer().listen(0, "127.0.0.1");
await new Promise((done) => free.on("listening", done));
const PORT = String(free.address().port);
await new Promise((done) => free.close(done));
const env = { ...process.env, PORT, HOST: "127.0.0.1" };
const server = spawn(process.execPath, [".output/server/index.mjs"], { env });
let said = "";
for (const stream of [server.stdout, server.stderr]) {
  stream.setEncoding("utf8").on("data", async (text) => {
    const asked = /127\.0\.0\.1:\d+/.test(said);
    said += text;
    const host = /127\.0\.0\.1:\d+/.exec(said);
    if (!host || asked) return;
    const response = await fetch(`http://${host[0]}/api/which`);
    console.log(response.status, await response.text());
    // what it wrote beside its answer comes within the same moment
    setTimeout(() => server.kill(), 500);
  });
}
server.on("close", () => {
  const isAsStated = said.includes("ERR_MODULE_NOT_FOUND") && said.includes("dual/default.js");
  console.log(isAsStated ? "as stated: default.js is missing" : `changed: ${said}`);
  process.exit(isAsStated ? 0 : 1);
});
JS
node ask.mjs
