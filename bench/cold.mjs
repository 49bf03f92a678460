// From nothing to the first answer: an import, and an invoice decoded, in a fresh process, page or Worker.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openBrowser } from "../tests/lib/browsers.mjs";
import { startWorkers } from "../tests/runtimes/workerd.mjs";
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
  tasks.forEach(([name], which) => print(name, times[which]));
}

export async function cold({ site, origin, invoice }) {
  const decode = (from) => `const begin = performance.now(); const { decodeInvoice } = await import(${JSON.stringify(from)}); const decoded = await decodeInvoice(${JSON.stringify(invoice)}); const took = performance.now() - begin;`;

  console.log(`\n== cold: import and first decoded invoice, median of ${TIMES}`);
  const inNode = (from) => async () => Number((await execute(process.execPath, ["--input-type=module", "-e", `${decode(from)} console.log(took)`], { cwd: at("bench") })).stdout);
  await repeat([["Node, @getalby/lightning-tools", inNode("@getalby/lightning-tools/bolt11")], ["Node, l402-fetch", inNode(at("dist/node.js"))]]);

  const chromium = await openBrowser("chromium");
  await writeFile(join(site, "cold.html"), `<!doctype html><script type="module">${decode("./ours/index.js")} globalThis.results = { took };</script>`);
  try {
    await repeat([["Chromium, l402-fetch, nothing bundled", async () => (await chromium.visit(`${origin}/site/cold.html`)).took]]);
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
    ["workerd, first answer of an empty Worker", await worker("empty", `export default { fetch: () => new Response("sunny") };`)],
    ["workerd, one that decodes an invoice first", await worker("ours", `import { decodeInvoice } from ${JSON.stringify(at("dist/workerd.js"))};
export default { fetch: async () => Response.json(await decodeInvoice(${JSON.stringify(invoice)})) };`)],
  ]);
}
