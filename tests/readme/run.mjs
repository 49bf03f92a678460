// Runs every code block of the README and of docs/ as it stands there, against the packed tarball and the paywall, and
// compares their tables with the code. `run.mjs [WORD]` runs what has the word in its name.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { at, run } from "../../scripts/lib.mjs";
import { linkFrameworks } from "../agents/frameworks.mjs";
import { openBrowser } from "../support/browsers.mjs";
import { installPacked } from "../support/pack.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { serve } from "../support/serve.mjs";
import { startPostgres, startRedis } from "../support/servers.mjs";
import { closingLine, runEach } from "../support/tally.mjs";
import { startWorkers } from "../support/workerd.mjs";
import { EXAMPLES } from "./examples.mjs";
import { pages } from "./markdown.mjs";
import { tables } from "./tables.mjs";
import { jest, nodeTest, vitest } from "./test-runners.mjs";

/** Every code block with what EXAMPLES says of it. */
const blocks = pages.flatMap(({ page, blocks }) =>
  blocks.map((block, index) => ({ ...block, page, example: EXAMPLES[page]?.[index] })),
);
const manifest = JSON.parse(await readFile(at("package.json"), "utf8"));
const installed = await installPacked([at("tests/readme/world")]);
const { folder } = installed;
const paywall = await startPaywall();

// what world/nodes.js has in the place of @getalby/sdk
const sdk = join(folder, "node_modules/@getalby/sdk");
await mkdir(sdk, { recursive: true });
await writeFile(
  join(sdk, "package.json"),
  JSON.stringify({ name: "@getalby/sdk", version: "7.0.0", type: "module", exports: { "./nwc": "./nwc.js" } }),
);
await writeFile(join(sdk, "nwc.js"), "export const { NWCClient } = globalThis.nwcSdk;\n");

// databases' clients, which users install themselves
await mkdir(join(folder, "node_modules/@types"));
for (const [name, place] of Object.entries({ pg: "pg", "@types/pg": "@types/pg", redis: "redis6" }))
  await symlink(at(`tests/node_modules/${place}`), join(folder, "node_modules", name), "dir");

await linkFrameworks(folder);

/** What the block's comments say that it prints. */
const promised = (code) => [...code.matchAll(/^\s*console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text]) => text);

/** The script of an HTML block, or the block itself. */
const script = ({ lang, code }) => (lang === "html" ? /<script type="module">\n(.*?)<\/script>/s.exec(code)[1] : code);

/** Runs a block in Node, in a new folder, and compares what it prints with what it says. */
async function inNode({ code, example, id }, { program = process.execPath, env = {} } = {}) {
  const place = join(folder, id);
  await mkdir(place);
  await writeFile(join(place, "example.mjs"), code);
  const world = JSON.stringify({ base: paywall.base, id, scene: example.scene ?? "plain" });
  const running = promisify(execFile)(
    program,
    ["--no-warnings", "--import", join(folder, "world/node.js"), "example.mjs"],
    { cwd: place, env: { ...process.env, ...env, WORLD: world }, timeout: 60_000 },
  );
  // A server over stdio ends.
  running.child.stdin.end();
  const { stdout } = await running;
  assert.deepEqual(stdout.trimEnd().split("\n").filter(Boolean), promised(code));
  assert.equal(promised(code).length, code.split("console.log").length - 1, "each console.log says what it prints");
}

/** Runs a block in Node with a server of its own, whose address is in its environment. */
async function withServer(block, start, addressOf) {
  const server = await start();
  try {
    await inNode(block, { env: addressOf(server.port) });
  } finally {
    await server.close();
  }
}

const runners = {
  node: (block) => inNode(block),

  /** What needs a newer Node than the oldest that is supported. */
  node24: (block) => inNode(block, { program: at("tests/node_modules/node24/bin/node") }),

  nodeTest: (block) => nodeTest(block, folder),
  vitest: (block) => vitest(block, installed.tarball),
  jest: (block) => jest(block, installed.tarball),
  /** What needs a framework for agents. */
  agents: (block) => runners.node24(block),

  postgres: (block) =>
    withServer(block, startPostgres, (port) => ({ DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres` })),

  redis: (block) => withServer(block, startRedis, (port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` })),

  async page({ code, id }) {
    // before the page's own module: the world, and a user who presses the button
    const world = `<script type="module">
      import { enter } from "/world/world.js";
      enter(${JSON.stringify(paywall.base)}, ${JSON.stringify(id)});
    </script>`;
    const user = `<script type="module">
      const output = document.querySelector("output");
      const tell = () => (globalThis.results = { text: output.textContent });
      new MutationObserver(tell).observe(output, { childList: true });
      document.querySelector("button").click();
    </script>`;
    const page = code.replace("<button>", `${world}<button>`) + user;
    const site = await serve(folder, { "/page.html": page });
    const chromium = await openBrowser("chromium");
    try {
      const { text } = await chromium.visit(`${site.url}/page.html`);
      assert.ok(JSON.parse(text), "the page shows what was bought");
    } finally {
      await chromium.close();
      await site.close();
    }
  },

  async worker({ code, example: { capnp = [] }, id }) {
    const workers = join(folder, id, "workers");
    await mkdir(workers, { recursive: true });
    const example = join(folder, id, "example.js");
    await writeFile(example, code);
    await writeFile(
      join(folder, id, "enter.js"),
      `import { enter } from "../world/world.js";\nenter(${JSON.stringify(paywall.base)}, ${JSON.stringify(id)});\n`,
    );
    const fields = capnp.map((field) => `// capnp: ${field}\n`).join("");
    await writeFile(
      join(workers, "readme.js"),
      `${fields}import "../enter.js";\nexport { default } from "../example.js";\nexport * from "../example.js";\n`,
    );
    const disk = join(folder, id, "disk");
    await mkdir(disk);
    const { urls, close } = await startWorkers(workers, { disk });
    try {
      const response = await fetch(urls.readme);
      assert.equal(response.status, 200, await response.text());
    } finally {
      await close();
    }
  },

  shell({ code }) {
    for (const line of code.trimEnd().split("\n")) {
      const [, install, script] = /^npm (?:i (\S+)|(?:run )?([\w:]+))$/.exec(line) ?? [];
      if (install) assert.equal(install, manifest.name);
      else assert.ok(script in manifest.scripts, line);
    }
  },

  /** In a home of its own, with the Node that the command needs first in the PATH. */
  async terminal({ code, id }) {
    const home = join(folder, id);
    await mkdir(home);
    const env = {
      ...{ HOME: home, PATH: `${at("tests/node_modules/node24/bin")}:${process.env.PATH}` },
      ...{
        WORLD: JSON.stringify({ base: paywall.base, id }),
        NODE_OPTIONS: `--import ${join(folder, "world/terminal.js")}`,
      },
    };
    const { stdout } = await promisify(execFile)("bash", ["-ec", code], { cwd: folder, env, timeout: 60_000 });
    const wanted = [
      /^price .*\nwould pay {2}yes\n/s,
      /\n\{"days":.*\}/,
      /time \(UTC\).*\n.* paid .*\n/,
      /\nlast hour +10 sat/,
    ];
    for (const text of wanted) assert.match(stdout, text);
  },

  /** The command takes them. */
  async settings({ code, id }) {
    const home = join(folder, id);
    await mkdir(join(home, "l402-fetch"), { recursive: true });
    await writeFile(join(home, "l402-fetch/config.json"), code);
    const env = { HOME: home, XDG_CONFIG_HOME: home };
    const bin = join(folder, "node_modules/l402-fetch/dist/command/bin.js");
    const node = at("tests/node_modules/node24/bin/node");
    const { stdout } = await promisify(execFile)(node, [bin, "spent", "--json", "--scope", "agent"], { env });
    const { limits, scopes } = JSON.parse(code);
    const { remaining } = JSON.parse(stdout);
    assert.equal(remaining.day, Math.min(limits.perDay, scopes.agent.perDay));
    assert.equal(remaining.payments, limits.payments.perMinute);
  },

  /** The server of a client's settings: it starts and answers. */
  async mcpServers({ code, id }) {
    const [{ command, args, env }] = Object.values(JSON.parse(code).mcpServers);
    const [yes, name, ...rest] = args;
    assert.deepEqual([command, yes, name], ["npx", "-y", manifest.name]);
    const bin = join(folder, "node_modules/l402-fetch/dist/command/bin.js");
    const home = join(folder, id);
    const run = promisify(execFile)(at("tests/node_modules/node24/bin/node"), [bin, ...rest], {
      env: { HOME: home, ...env },
    });
    const params = {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "readme", version: "1.0.0" },
    };
    run.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`);
    // Requests that are not answered when the input ends are dropped.
    run.child.stdout.once("data", () => run.child.stdin.end());
    const { stdout, stderr } = await run;
    assert.deepEqual([JSON.parse(stdout).result.serverInfo.name, stderr], ["l402-fetch", ""]);
  },

  async cargo({ code, id }) {
    const place = join(folder, id);
    await mkdir(join(place, "src"), { recursive: true });
    await writeFile(join(place, "src/lib.rs"), "");
    await writeFile(join(place, "Cargo.toml"), `[package]\nname = "user"\nversion = "0.0.0"\n\n${code}`);
    const text = await run(
      "cargo",
      ["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", join(place, "Cargo.toml")],
      { quiet: true },
    );
    const [{ name, req }] = JSON.parse(text).packages[0].dependencies;
    assert.equal(name, /^name = "(.*)"$/m.exec(await readFile(at("Cargo.toml"), "utf8"))[1]);
    assert.ok(`${manifest.version}.`.startsWith(`${req.slice(1)}.`), `${req} is not ${manifest.version}`);
  },

  /** Cargo's own tests run these: the crate includes the page. */
  async doctest({ lang }) {
    assert.equal(lang, "rust");
    assert.match(
      await readFile(at("src/lib.rs"), "utf8"),
      /#\[cfg\(doctest\)\]\n#\[doc = include_str!\("\.\.\/docs\/rust\.md"\)\]/,
    );
  },

  /** tsc has seen it with the others. */
  types() {},
};

/** Every JavaScript and TypeScript block under tsc: TypeScript strictly, JavaScript as far as it can be. */
async function typeCheck() {
  const place = join(folder, "typed");
  await mkdir(place);
  const files = [join(folder, "world/world.d.ts"), join(folder, "world/runners.d.ts")];
  for (const block of blocks) {
    if (!["js", "ts", "html"].includes(block.lang)) continue;
    const file = join(place, `${block.page.replaceAll("/", "-")}-${block.line}.${block.lang === "ts" ? "ts" : "js"}`);
    await writeFile(file, `${script(block)}\n${block.example.also ?? ""}`);
    files.push(file);
  }
  const common = {
    noEmit: true,
    allowJs: true,
    checkJs: true,
    module: "NodeNext",
    moduleDetection: "force",
    target: "ES2022",
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    types: ["node"],
    typeRoots: [at("tests/node_modules/@types")],
    skipLibCheck: true,
  };
  for (const [name, strict] of [
    ["js", false],
    ["ts", true],
  ]) {
    const config = join(folder, `tsconfig.${name}.json`);
    const own = files.filter((file) => file.endsWith(`.${name}`) || file.endsWith(".d.ts"));
    await writeFile(
      config,
      JSON.stringify({ compilerOptions: { ...common, strict, exactOptionalPropertyTypes: strict }, files: own }),
    );
    await run(process.execPath, [at("node_modules/typescript/bin/tsc"), "--project", config], { quiet: true });
  }
}

const tests = { ...tables, "every example type-checks": typeCheck };
tests["every code block is in the list of examples"] = () => {
  const shown = pages
    .filter(({ blocks }) => blocks.length > 0)
    .map(({ page, blocks }) => [page, blocks.map(({ heading }) => heading)]);
  const listed = Object.entries(EXAMPLES).map(([page, examples]) => [page, examples.map(({ heading }) => heading)]);
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(listed));
};
for (const [index, block] of blocks.entries()) {
  const { example } = block;
  if (!example) continue;
  tests[`${block.page}:${block.line}, ${example.heading} (${block.lang}, ${example.as})`] = async () => {
    const id = `readme-${index}`;
    await runners[example.as]({ ...block, id });
    if (example.payments === undefined) return;
    const stats = await (await fetch(`${paywall.base}/stats/${id}?log=0`)).json();
    assert.equal(stats.payments, example.payments, "payments");
    assert.ok(stats.challenges > 0, "the example came as far as a 402");
  };
}

await runEach(tests, process.argv.slice(2));
await paywall.close();
if (process.env.KEEP) console.log(folder);
else await installed.remove();
closingLine();
