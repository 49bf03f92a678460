// One suite, in every runtime, against the installed tarball. `run.mjs [RUNTIME…]`
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { at, run } from "../../scripts/lib.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { importMap, installPacked } from "../support/pack.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { serve } from "../support/serve.mjs";
import { closingLine, tally } from "../support/tally.mjs";
import { openNodes } from "./nodes.mjs";
import { startWorkers } from "../support/workerd.mjs";

const bin = (name) => at(`tests/node_modules/.bin/${name}`);
const lastLine = (text) => JSON.parse(text.trimEnd().split("\n").at(-1));

const process_ =
  (program, args) =>
  async ({ folder, base, other, nodes, runtime }) =>
    lastLine(
      await run(program, [...args, join(folder, "runtimes/runner.js"), runtime, base, other, nodes], {
        cwd: folder,
        quiet: true,
      }),
    );

const browser = async ({ folder, base, other, nodes, runtime }) => {
  const { exports } = JSON.parse(await readFile(join(folder, "node_modules/l402-fetch/package.json"), "utf8"));
  const site = await serve(folder, {
    "/": `<!doctype html><title>${runtime}</title>
<script type="importmap">${JSON.stringify(importMap(exports))}</script>
<script type="module" src="/runtimes/browser.js"></script>`,
  });
  const opened = await openBrowser(runtime);
  try {
    return await opened.visit(`${site.url}/?${new URLSearchParams({ runtime, base, other, nodes })}`, 180_000);
  } finally {
    await opened.close();
    await site.close();
  }
};

const RUNTIMES = {
  node: process_(process.execPath, []),
  // the paywall's port is all that it may reach, and no file is read by path
  deno: process_(bin("deno"), [
    "run",
    "--quiet",
    "--no-prompt",
    "--node-modules-dir=manual",
    "--allow-net=127.0.0.1,localhost",
  ]),
  bun: process_(bin("bun"), []),
  async workerd({ folder, base, other, nodes }) {
    const { urls, close } = await startWorkers(join(folder, "runtimes/workerd"));
    try {
      const response = await fetch(
        `${urls.suite}/?${new URLSearchParams({ base, other, nodes, workers: JSON.stringify(urls) })}`,
      );
      const text = await response.text();
      if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${text}`);
      return JSON.parse(text);
    } finally {
      await close();
    }
  },
  chromium: browser,
  firefox: browser,
  webkit: browser,
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RUNTIMES);
const installed = await installPacked([at("tests/runtimes")]);
const paywall = await startPaywall();
const nodes = await openNodes(paywall);
for (const runtime of names) {
  await tally(runtime, () =>
    RUNTIMES[runtime]({
      folder: installed.folder,
      base: paywall.base,
      other: paywall.other,
      nodes: nodes.url,
      runtime,
    }),
  );
}
await nodes.close();
await paywall.close();
await installed.remove();
closingLine();
