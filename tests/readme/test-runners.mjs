// Runs an example that is a test: in Node's own runner, in Vitest, in workerd by Vitest, and in Jest. Vitest and Jest
// are those of tests/tools, with the settings that they have there.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hold, installed, nodeOf } from "../tools/lib/install.mjs";
import { Project } from "../tools/lib/project.mjs";
import { TOOLS } from "../tools/tools.mjs";

const FILE = "example.test.js";

/** In the folder that has the package. */
export async function nodeTest({ code, id }, folder) {
  const place = join(folder, id);
  await mkdir(place);
  await writeFile(join(place, FILE), code);
  // What runs this file may be a test itself.
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ["--test", "--test-reporter=tap", FILE], {
    cwd: place,
    env,
    timeout: 60_000,
  });
  assert.match(stdout, /^# pass 1$/m);
}

/** In a project of a tool: `lay` writes its settings, and `args` run the test. */
async function inTool({ code }, tarball, name, { command, args, says, project: files, lay }) {
  const tool = TOOLS.find((tool) => tool.name === name);
  const folder = await installed(tool.folder ?? tool.home, tool.packages);
  const bin = await nodeOf();
  const release = await hold(folder);
  const project = new Project({ tool, folder, bin, tarball });
  try {
    await project.lay(files);
    await lay?.(project);
    await project.write(FILE, code);
    assert.match(await project.run(command, [...args, FILE]), says);
  } finally {
    await project.close();
    await project.clear();
    await release();
  }
}

export async function vitest(block, tarball) {
  const way = { command: "vitest", args: ["run"], says: /Tests +1 passed/ };
  for (const environment of ["node", "jsdom", "happy-dom"])
    await inTool(block, tarball, "Vitest", { ...way, args: ["run", "--environment", environment] });
  await inTool(block, tarball, "@cloudflare/vitest-plugin", { ...way, project: "vitest" });
}

export async function jest(block, tarball) {
  const { stages } = TOOLS.find((tool) => tool.name === "Jest");
  const [{ open }] = stages;
  await inTool(block, tarball, "Jest", { command: "jest", args: ["--ci"], says: /Tests: +1 passed/, lay: open });
}
