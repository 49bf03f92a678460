// From nothing to the first answer: an import, and an invoice decoded, in a fresh process, page or Worker; what the
// first paid call of a process takes more than a later one; and the parts of it. `BASE=DIST npm run bench` has another
// build beside it.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openBrowser } from "../tests/support/browsers.mjs";
import { startWorkers } from "../tests/support/workerd.mjs";
import { at } from "../scripts/lib.mjs";
import { median } from "./compare.mjs";

const TIMES = 15;
const execute = promisify(execFile);

const print = (name, times) => console.log(`  ${name.padEnd(44)}${median(times).toFixed(1).padStart(9)} ms`);

/** In turns. */
async function repeat(tasks) {
  const times = tasks.map(() => []);
  for (let round = 0; round < TIMES; round++) {
    for (const [which, [, task]] of tasks.entries()) times[which].push(await task());
  }
  for (const [which, [name]] of tasks.entries()) print(name, times[which]);
}

/**
 * Real requests on loopback. Once for the first request of all, where `fetch` itself is cold, too, and once after a
 * free one.
 */
async function firstPaid(origin) {
  const builds = [
    ...(process.env.BASE ? [["BASE", join(process.env.BASE, "node.js")]] : []),
    ["l402-fetch", at("dist/node.js")],
  ];
  const manners = { paid: "the first request", "after-free": "after a free one", warmed: "after warm()" };
  const first = (entry, manner) => async () => {
    const { stdout } = await execute(process.execPath, [at("bench/first.mjs"), entry, origin, manner]);
    const { first, later } = JSON.parse(stdout);
    return first - later;
  };
  console.log(`\n== cold: the first paid call of a Node process less a later one, median of ${TIMES}`);
  for (const [manner, what] of Object.entries(manners)) {
    const those = builds.filter(([name]) => name !== "BASE" || manner !== "warmed");
    await repeat(those.map(([name, entry]) => [`${what}, ${name}`, first(entry, manner)]));
  }
}

/**
 * What loading and a first use are made of. In workerd, whose clock stands still, only the whole can be told: see
 * below.
 */
async function parts(site, origin) {
  const script = (bytes) => `const times = {}; let begin = performance.now();
const lap = (name) => { const now = performance.now(); times[name] = now - begin; begin = now; };
const { bind } = await import("./loading/bind.js"); lap("the modules that go with it");
${bytes}
const module = await WebAssembly.compile(given); lap("compiled");
const { imports } = await import("./core.js"); begin = performance.now();
const { parsers } = bind(await WebAssembly.instantiate(module, imports)); lap("instantiated");
const use = () => { try { parsers.decodeInvoice("lnbc1"); } catch {} };
use(); lap("first use"); use(); lap("second use");
const { base64 } = await import("./l402_fetch.wasm.js"); lap("in base64: its module");
Uint8Array.fromBase64?.(base64) ?? globalThis.Buffer?.from(base64, "base64") ?? atob(base64);
lap("in base64: decoded");`;
  const read = `const { readFileSync } = await import("node:fs"); begin = performance.now();
const given = readFileSync(new URL("./l402_fetch.wasm", import.meta.url)); lap("read or fetched");`;
  const fetched = `const given = await (await fetch("./ours/l402_fetch.wasm")).arrayBuffer(); lap("read or fetched");`;
  const ours = join(site, "ours");
  await writeFile(join(ours, "package.json"), `{ "type": "module" }`);
  await writeFile(join(ours, "parts.mjs"), `${script(read)}\nconsole.log(JSON.stringify(times));`);
  const page = script(fetched).replaceAll('import("./', 'import("./ours/');
  await writeFile(
    join(site, "parts.html"),
    `<!doctype html><script type="module">${page} globalThis.results = times;</script>`,
  );

  const chromium = await openBrowser("chromium");
  const places = {
    Node: async () => JSON.parse((await execute(process.execPath, [join(ours, "parts.mjs")])).stdout),
    Chromium: () => chromium.visit(`${origin}/site/parts.html`),
  };
  try {
    for (const [place, task] of Object.entries(places)) {
      console.log(`\n== cold: its parts in ${place}, median of ${TIMES}`);
      const runs = [];
      for (let round = 0; round < TIMES; round++) runs.push(await task());
      for (const name of Object.keys(runs[0]))
        console.log(
          `  ${name.padEnd(44)}${median(runs.map((run) => run[name]))
            .toFixed(2)
            .padStart(9)} ms`,
        );
    }
  } finally {
    await chromium.close();
  }
}

export async function cold({ site, origin, invoice }) {
  const decode = (from) =>
    `const begin = performance.now(); const { decodeInvoice } = await import(${JSON.stringify(from)}); const decoded = await decodeInvoice(${JSON.stringify(invoice)}); const took = performance.now() - begin;`;

  console.log(`\n== cold: import and first decoded invoice, median of ${TIMES}`);
  const inNode = (from) => async () =>
    Number(
      (
        await execute(process.execPath, ["--input-type=module", "-e", `${decode(from)} console.log(took)`], {
          cwd: at("bench"),
        })
      ).stdout,
    );
  await repeat([
    ["Node, @getalby/lightning-tools", inNode("@getalby/lightning-tools/bolt11")],
    ["Node, l402-fetch", inNode(at("dist/node.js"))],
  ]);

  await firstPaid(origin);
  await parts(site, origin);

  const chromium = await openBrowser("chromium");
  await writeFile(
    join(site, "cold.html"),
    `<!doctype html><script type="module">${decode("./ours/index.js")} globalThis.results = { took };</script>`,
  );
  try {
    await repeat([
      ["Chromium, l402-fetch, nothing bundled", async () => (await chromium.visit(`${origin}/site/cold.html`)).took],
    ]);
  } finally {
    await chromium.close();
  }

  // A Worker's clock stands still while it works: from outside, from the process's start to the first answer.
  const worker = async (name, source) => {
    const folder = join(site, name, "src");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "worker.js"), source);
    return async () => {
      const begin = performance.now();
      const { urls, close } = await startWorkers(folder);
      const started = performance.now() - begin;
      await (await fetch(urls.worker)).text();
      const took = performance.now() - begin;
      await close();
      return took - started;
    };
  };
  await repeat([
    [
      "workerd, first answer of an empty Worker",
      await worker("empty", `export default { fetch: () => new Response("sunny") };`),
    ],
    [
      "workerd, one that decodes an invoice first",
      await worker(
        "ours",
        `import { decodeInvoice } from ${JSON.stringify(at("dist/workerd.js"))};
export default { fetch: async () => Response.json(await decodeInvoice(${JSON.stringify(invoice)})) };`,
      ),
    ],
  ]);
}
