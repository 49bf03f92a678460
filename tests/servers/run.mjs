// Server libraries from the registries, each in a program of its own on loopback, from which the built package buys in
// Node. Their invoices are real ones, of a node that only pretends to have channels.
// `run.mjs [WORD…]` runs the servers whose names have one of the words. Installs and builds what is missing.
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.mjs";
import { at, RunError, seconds } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { Daemon, removeAtEnd } from "../interop/daemon.mjs";
import { runSuite } from "../runtimes/harness.js";
import { startPaywall } from "../support/paywall.mjs";
import { closingLine, fail, tally } from "../support/tally.mjs";
import { casesFor } from "./cases.mjs";
import { installCrate, installNpm, installPython } from "./install.mjs";
import { openNode } from "./node.mjs";
import { SERVERS } from "./servers.mjs";

const isPython = ({ program }) => program?.endsWith(".py");
const isNode = ({ program }) => program?.endsWith(".mjs");
const isCrate = ({ program }) => !program;

/** What each kind of server runs on: how it is installed, and then started. */
const KINDS = [
  { is: isPython, install: installPython, command: (python, file, args) => [python, [file, ...args]] },
  { is: isNode, install: installNpm, command: (_, file, args) => [process.execPath, [file, ...args]] },
  { is: isCrate, install: installCrate, command: (crate) => [crate, []] },
];

/**
 * Installs what these servers need. Resolves with those that can be started, each with its `command`. A kind that can't
 * be installed has failed, and the others go on.
 */
async function installFor(servers) {
  const ready = new Map();
  // one after another: pip and npm wait for the network, but cargo takes every core there is
  for (const { is, install, command } of KINDS) {
    if (!servers.some(is)) continue;
    try {
      const installed = await install();
      for (const server of servers.filter(is)) {
        const file = at(join("tests/servers/programs", server.program ?? ""));
        ready.set(server, command(installed, file, server.args ?? []));
      }
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      const names = servers.filter(is).map(({ name }) => `  ${name}`);
      fail(`servers: ${error.message}\nnot tested without that:\n${names.join("\n")}`);
    }
  }
  return servers.filter((server) => ready.has(server)).map((server) => ({ server, command: ready.get(server) }));
}

async function start({ name }, [program, args], node) {
  const home = mkdtempSync(join(tmpdir(), "l402-fetch-server-"));
  removeAtEnd(home);
  const ready = /^listening on (http:\S+)$/;
  // no bytecode beside the sources, and nothing of the user's own settings
  const env = { NODE: node.url, HOME: home, PYTHONDONTWRITEBYTECODE: "1" };
  const daemon = new Daemon(name, program, args, ready, { cwd: home, env });
  await daemon.start();
  return { daemon, url: ready.exec(daemon.lines.find((line) => ready.test(line)))[1] };
}

async function test(server, command, { node, pkg }) {
  let daemon;
  const suite = async () => {
    const started = await start(server, command, node);
    daemon = started.daemon;
    return runSuite(casesFor(server), { pkg, node, server, url: started.url }, { atOnce: 1 });
  };
  const isGood = await tally(server.name, suite, { every: true });
  if (!isGood && daemon) console.log(`the server said last:\n${daemon.tail()}`);
  await daemon?.stop();
}

const begin = Date.now();
try {
  const words = process.argv.slice(2).map((word) => word.toLowerCase());
  const chosen = SERVERS.filter(
    ({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word)),
  );
  if (chosen.length === 0)
    throw new RunError(`no such server: ${words.join(" ")}; there are: ${SERVERS.map(({ name }) => name).join(", ")}`);
  await setup("packages");
  const installed = await installFor(chosen);
  if (!existsSync(at("dist"))) await build();
  const pkg = await import(at("dist/node.js"));
  const paywall = await startPaywall();
  try {
    const node = await openNode(paywall.base);
    for (const { server, command } of installed) await test(server, command, { node, pkg });
    await node.close();
  } finally {
    await paywall.close();
  }
} catch (error) {
  fail(`servers: ${error instanceof RunError ? error.message : error.stack}`);
}
console.log(`in ${seconds(begin)}`);
closingLine();
