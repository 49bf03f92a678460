// What a new user does: `npm create`, `npm install`, the README's example pasted into the template's own file, a paid
// call. Nothing is known but the README; its host is the shop's, and a page's wallet is what an extension puts there.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../../../scripts/lib.mjs";
import { codeBlocks } from "../../readme/markdown.mjs";
import { freePorts } from "../../support/listen.mjs";

const MOST_MS = 5 * 60_000;

const examples = async (path) =>
  codeBlocks(await readFile(at(path), "utf8"))
    .filter(({ lang }) => lang === "js")
    .map(({ code }) => code);
const [smallest] = await examples("README.md");
// the README's table sends whoever has a Worker there
const worker = (await examples("docs/runtimes.md")).find((code) => code.includes("async fetch(request, env)"));

/** An example as the user pastes it, with the shop of the test in place of the documents' one. */
const pasted = (code, base, shop) =>
  code
    .replaceAll("https://api.example.com/weather", `${base}/shop/${shop}/weather?network=bc`)
    .replaceAll("https://wallet.example.com/pay", `${base}/wallet/${shop}/pay`);

/** Creates a project of the template, installs the package, calls `paid` with its folder, and measures all of it. */
const create = (command, paid) => async (project, _site, query) => {
  const { base, shop } = Object.fromEntries(query);
  const home = await mkdtemp(join(tmpdir(), "l402-fetch-create-"));
  const since = Date.now();
  try {
    await project.run("npm", ["create", "--yes", ...command], { cwd: home });
    const cwd = join(home, "app");
    await project.run("npm", ["install", project.tarball], { cwd });
    await paid({ project, cwd, base, shop });
    const took = Date.now() - since;
    const { payments } = await (await fetch(`${base}/stats/${shop}?log=0`)).json();
    return { took, payments };
  } finally {
    await project.close();
    await rm(home, { recursive: true, force: true });
  }
};
const expect = ({ took, payments }) => {
  assert.equal(payments, 1);
  assert.ok(took < MOST_MS, `${took} ms`);
};

/** Opens a page where a wallet extension pays at the shop's wallet; resolves once its console has shown a 200. */
async function visit({ project, base, shop }, url) {
  const page = await project.world.chromium.browser.newPage();
  const said = [];
  let timer;
  try {
    await page.evaluateOnNewDocument((pay) => {
      const { fetch } = globalThis;
      globalThis.webln = {
        enable: async () => {},
        sendPayment: async (invoice) => (await fetch(pay, { method: "POST", body: invoice })).json(),
      };
    }, `${base}/wallet/${shop}/pay`);
    const paid = new Promise((done, fail) => {
      page.on("console", (message) => {
        said.push(message.text());
        if (message.text() === "200") done();
      });
      page.on("pageerror", fail);
      timer = setTimeout(() => fail(new Error(`the page said: ${said.join("\n")}`)), MOST_MS);
    });
    await Promise.all([paid, page.goto(url, { timeout: MOST_MS })]);
  } finally {
    clearTimeout(timer);
    await page.close();
  }
}

async function vite(made) {
  const { project, cwd, base, shop } = made;
  await writeFile(join(cwd, "src/main.js"), pasted(smallest, base, shop));
  const [port] = await freePorts(1);
  const { url } = await project.start("npm", ["run", "dev", "--", "--port", String(port), "--host", "127.0.0.1"], {
    cwd,
    url: `http://127.0.0.1:${port}/`,
  });
  await visit(made, url);
}

async function next(made) {
  const { project, cwd, base, shop } = made;
  // the imports stay at the top, the call moves into the effect
  const [imports, body] = pasted(smallest, base, shop).split("\n\n");
  await writeFile(
    join(cwd, "app/page.js"),
    `"use client";
import { useEffect } from "react";
${imports}

let once;

export default function Page() {
  useEffect(() => {
    once ??= (async () => {
      ${body}
    })();
  }, []);
}
`,
  );
  const [port] = await freePorts(1);
  await project.start("npm", ["run", "dev", "--", "-p", String(port)], { cwd, ready: /(Ready in)/, url: "" });
  await visit(made, `http://localhost:${port}/`);
}

async function wrangler({ project, cwd, base, shop }) {
  await writeFile(join(cwd, "src/index.js"), pasted(worker, base, shop));
  const [port, inspector] = await freePorts(2);
  await project.start(
    "npm",
    ["run", "dev", "--", "--port", String(port), "--ip", "127.0.0.1", "--inspector-port", String(inspector)],
    { cwd, ready: /(Ready on)/, url: "" },
  );
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(response.status, 200, await response.text());
}

const row = (name, version, command, paid) => ({
  name: `npm create ${name}`,
  version,
  home: "create",
  packages: { "puppeteer-core": "24.43.1" },
  stages: [
    {
      rows: [
        {
          name: "from nothing to the first paid call",
          note: "in less than five minutes, with the README's example alone",
          ask: create(command, paid),
          expect,
        },
      ],
    },
  ],
});

export default [
  row("vite", "9.3.0", ["vite@9.3.0", "app", "--", "--template", "vanilla", "--no-interactive"], vite),
  row(
    "next-app",
    "16.4.3",
    [
      "next-app@16.4.3",
      "app",
      "--",
      "--js",
      "--app",
      "--no-eslint",
      "--no-tailwind",
      "--no-src-dir",
      "--no-react-compiler",
      "--import-alias",
      "@/*",
      "--use-npm",
      "--disable-git",
    ],
    next,
  ),
  row(
    "cloudflare",
    "2.74.0",
    [
      "cloudflare@2.74.0",
      "app",
      "--",
      "--type",
      "hello-world",
      "--lang",
      "js",
      "--no-git",
      "--no-deploy",
      "--no-open",
      "--no-agents",
    ],
    wrangler,
  ),
];
