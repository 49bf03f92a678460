// Anthropic's Claude Agent SDK: its own program and loop, with a scripted Messages API on loopback.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { query } from "@anthropic-ai/claude-agent-sdk";
import { agentServer } from "../../dist/agents/claude.js";
import { openMessages } from "./messages.mjs";
import { ALONE, assertBoughtOnce, openShop, WEATHER } from "./shop.mjs";

async function run(pay, ...inputs) {
  const home = await mkdtemp(join(tmpdir(), "l402-fetch-claude-"));
  const messages = await openMessages("mcp__l402__l402_fetch", inputs, "It is sunny.");
  try {
    let result;
    for await (const message of query({
      prompt: "How is the weather?",
      options: {
        mcpServers: { l402: agentServer(pay, ALONE) },
        allowedTools: ["mcp__l402"],
        tools: [],
        settingSources: [],
        cwd: home,
        // Nothing of the person's own settings, and no other network.
        env: {
          PATH: process.env.PATH,
          HOME: home,
          CLAUDE_CONFIG_DIR: home,
          ANTHROPIC_BASE_URL: messages.url,
          ANTHROPIC_API_KEY: "none",
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        },
      },
    }))
      if (message.type === "result") result = message;
    const outputs = messages.results.map(({ content }) => JSON.parse(content[0]?.text ?? content));
    return { result, outputs };
  } finally {
    await messages.close();
    await rm(home, { recursive: true, force: true });
  }
}

test("a query buys once with a tool call, and the model sees the result", async () => {
  const shop = openShop();
  const { result, outputs } = await run(shop.pay, { url: WEATHER }, { url: WEATHER });
  assert.equal(result.result, "It is sunny.");
  await assertBoughtOnce(outputs, shop);
});

test("a refusal is a result that the model sees, and the query goes on", async () => {
  const { pay, payments } = openShop();
  const { result, outputs } = await run(pay, { url: WEATHER, max_sats: 9 }, { url: "http://127.0.0.1/" });
  assert.equal(result.result, "It is sunny.");
  assert.deepEqual(
    outputs.map(({ error }) => error.code),
    ["over_limit", "host_not_allowed"],
  );
  assert.equal(payments(), 0);
});
