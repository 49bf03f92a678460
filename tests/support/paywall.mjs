// The paywall of tests/support/paywall, as a child process.
import { spawn } from "node:child_process";
import { at, root, run, targetDir } from "../../scripts/lib.mjs";

/** Builds and starts the paywall. Resolves with its URL on two origins, and a `close()`. */
export async function startPaywall(args = []) {
  await run("cargo", ["build", "--locked", "--quiet", "--example", "paywall"]);
  const program = `${await targetDir()}/debug/examples/paywall`;
  const child = spawn(
    program,
    ["--port", "0", "--www", at("www"), "--package", at("dist"), "--until-stdin-closes", ...args],
    { cwd: root, stdio: ["pipe", "pipe", "inherit"] },
  );
  const base = await new Promise((done, fail) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
      const port = /http:\/\/[\w.]+:(\d+)/.exec(text)?.[1];
      // the whole line is there: the port is not cut short
      if (port && text.includes("\n")) done(`http://127.0.0.1:${port}`);
    });
    child.on("error", fail);
    child.on("exit", (code) => fail(new Error(`the paywall ended with ${code} before it was ready: ${text}`)));
  });
  return {
    base,
    other: base.replace("127.0.0.1", "localhost"),
    close: () =>
      new Promise((done) => {
        if (child.exitCode !== null || child.signalCode !== null) return done();
        child.on("exit", done);
        child.stdin.end();
      }),
  };
}
