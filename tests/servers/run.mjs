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

/** What starts each of these servers: a program and its arguments. Installs what they need. */
async function installFor(servers) {
  // one after another: pip and npm wait for the network, but cargo takes every core there is
  const python = servers.some(isPython) && (await installPython());
  if (servers.some(isNode)) await installNpm();
  const crate = servers.some(({ program }) => !program) && (await installCrate());
  return (server) => {
    const file = server.program && at(join("tests/servers/programs", server.program));
    if (isPython(server)) return [python, [file]];
    if (isNode(server)) return [process.execPath, [file]];
    return [crate, []];
  };
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
  const commandOf = await installFor(chosen);
  if (!existsSync(at("dist"))) await build();
  const pkg = await import(at("dist/node.js"));
  const paywall = await startPaywall();
  const node = await openNode(paywall.base);
  for (const server of chosen) await test(server, commandOf(server), { node, pkg });
  await node.close();
  await paywall.close();
} catch (error) {
  fail(`servers: ${error instanceof RunError ? error.message : error.stack}`);
}
console.log(`in ${seconds(begin)}`);
closingLine();
