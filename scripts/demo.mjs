// `npm run demo [-- --port N]`: builds the package and the paywall, and serves the page of www/.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { at, root, run, targetDir } from "./lib.mjs";
import { setup } from "./setup.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "4020" } } });

await setup("build");
console.log("demo: building the package and the paywall (2 min the first time)");
await build(() => run("cargo", ["build", "--locked", "--example", "paywall"]));
const paywall = spawn(`${await targetDir()}/debug/examples/paywall`, ["--port", values.port, "--www", at("www"), "--package", at("dist")], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => paywall.kill(signal));
paywall.on("exit", (code) => {
  process.exitCode = code ?? 0;
});
