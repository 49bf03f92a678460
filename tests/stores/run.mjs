// One suite for every store, in every runtime that has it, against the installed tarball. `run.mjs [RUNTIME…]`
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { at, run } from "../../scripts/lib.mjs";
import { installPacked } from "../support/pack.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { closingLine, tally } from "../support/tally.mjs";
import { inBrowser } from "./browsers.mjs";
import { inWorkerd } from "./workerd.mjs";

const bin = (name) => at(`tests/node_modules/.bin/${name}`);
const lastLine = (text) => JSON.parse(text.trimEnd().split("\n").at(-1));

const file =
  (program, args) =>
  async ({ folder, base, other, runtime }) => {
    const place = join(folder, `files-${runtime}`);
    await mkdir(place);
    return lastLine(
      await run(program, [...args, join(folder, "stores/file.js"), runtime, base, other, place], {
        cwd: folder,
        quiet: true,
      }),
    );
  };

const RUNTIMES = {
  node: file(process.execPath, []),
  deno: file(bin("deno"), ["run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-all"]),
  bun: file(bin("bun"), []),
  workerd: inWorkerd,
  chromium: inBrowser,
  firefox: inBrowser,
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RUNTIMES);
const installed = await installPacked([at("tests/runtimes"), at("tests/stores")]);
const paywall = await startPaywall();
const test = (runtime) =>
  tally(runtime, () =>
    RUNTIMES[runtime]({ folder: installed.folder, base: paywall.base, other: paywall.other, runtime }),
  );

// All but browsers spend most of their time in waiting for a lock whose holder is gone.
const isBrowser = (runtime) => RUNTIMES[runtime] === inBrowser;
await Promise.all(names.filter((runtime) => !isBrowser(runtime)).map(test));
for (const runtime of names.filter(isBrowser)) await test(runtime);
await paywall.close();
await installed.remove();
closingLine();
