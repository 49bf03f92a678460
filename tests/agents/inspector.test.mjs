// MCP Inspector's command line, with servers over stdio.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { WEATHER } from "./shop.mjs";

const here = (path) => join(import.meta.dirname, path);
const INSPECTOR = here("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");

for (const version of ["1", "2"]) {
  test(`Inspector lists the tools of a server of version ${version} without a complaint, and buys once`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "l402-fetch-inspector-"));
    try {
      const server = [process.execPath, here("mcp-server.mjs"), version, join(folder, "ledger.db")];
      const inspect = async (...args) => {
        const { stdout } = await promisify(execFile)(process.execPath, [INSPECTOR, "--cli", ...server, ...args], {
          env: { ...process.env, HOME: folder },
        });
        return JSON.parse(stdout);
      };
      const { tools } = await inspect("--method", "tools/list", "--strict");
      assert.equal(tools.length, 5);
      const buy = ["--method", "tools/call", "--tool-name", "l402_fetch", "--tool-arg", `url=${WEATHER}`];
      const refused = await inspect(...buy, "max_sats=9").catch(({ stdout }) => JSON.parse(stdout));
      assert.equal(refused.structuredContent.error.code, "over_limit");
      const bought = await inspect(...buy);
      assert.equal(bought.structuredContent.paid_sats, 10);
      assert.equal(bought.structuredContent.untrusted_content.body, "sunny");
      const { structuredContent } = await inspect("--method", "tools/call", "--tool-name", "l402_payments");
      assert.deepEqual(structuredContent.payments, [bought.structuredContent.payment]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}
