// Mastra: its own agent, with a scripted model of the AI SDK.
import assert from "node:assert/strict";
import test from "node:test";
import { Agent } from "@mastra/core/agent";
import { MockLanguageModelV3 } from "ai/test";
import { agentTools } from "../../dist/agents/mastra.js";
import { ALONE, assertBoughtOnce, openShop, WEATHER } from "./shop.mjs";

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};
const answer = (part, reason) => ({
  content: [part],
  finishReason: { unified: reason, raw: undefined },
  usage,
  warnings: [],
});

async function run(pay, ...inputs) {
  const model = new MockLanguageModelV3({
    doGenerate: [
      ...inputs.map((input, index) =>
        answer(
          { type: "tool-call", toolCallId: `call-${index}`, toolName: "l402_fetch", input: JSON.stringify(input) },
          "tool-calls",
        ),
      ),
      answer({ type: "text", text: "It is sunny." }, "stop"),
    ],
  });
  const agent = new Agent({ id: "buyer", name: "Buyer", instructions: "Buy.", model, tools: agentTools(pay, ALONE) });
  const { text, steps } = await agent.generate("How is the weather?", { maxSteps: 5 });
  const outputs = steps.flatMap(({ toolResults }) => toolResults.map(({ payload }) => payload.result));
  return { text, outputs, model };
}

test("an agent buys once with a tool call, and the model sees the result", async () => {
  const shop = openShop();
  const { text, outputs, model } = await run(shop.pay, { url: WEATHER }, { url: WEATHER });
  assert.equal(text, "It is sunny.");
  await assertBoughtOnce(outputs, shop);
  assert.match(JSON.stringify(model.doGenerateCalls[1].prompt), /"paid_sats":10/);
});

test("a refusal is a result that the model sees, and the agent goes on", async () => {
  const { pay, payments } = openShop();
  const { text, outputs } = await run(pay, { url: WEATHER, max_sats: 9 }, { url: "http://127.0.0.1/" });
  assert.equal(text, "It is sunny.");
  assert.deepEqual(
    outputs.map(({ error }) => error.code),
    ["over_limit", "host_not_allowed"],
  );
  assert.equal(payments(), 0);
});
