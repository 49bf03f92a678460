// OpenAI's Agents SDK: its own runner, with its scripted model.
import assert from "node:assert/strict";
import test from "node:test";
import { Agent, Runner } from "@openai/agents";
import { ScriptedModel } from "@openai/agents/testing";
import { agentTools } from "../../dist/agents/openai-agents.js";
import { ALONE, assertBoughtOnce, openShop, WEATHER } from "./shop.mjs";

const calls = (input) => [
  {
    type: "function_call",
    callId: `call-${JSON.stringify(input)}`,
    name: "l402_fetch",
    arguments: JSON.stringify(input),
    status: "completed",
  },
];
const says = (text) => [
  { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text }] },
];

async function run(pay, ...inputs) {
  const model = new ScriptedModel([...inputs.map(calls), says("It is sunny.")]);
  const agent = new Agent({ name: "buyer", model, tools: agentTools(pay, ALONE) });
  const result = await new Runner({ tracingDisabled: true }).run(agent, "How is the weather?");
  const outputs = result.newItems
    .filter(({ type }) => type === "tool_call_output_item")
    .map(({ output }) => (typeof output === "string" ? JSON.parse(output) : output));
  return { result, outputs, model };
}

test("a run buys once with a tool call, and the model sees the result", async () => {
  const shop = openShop();
  const { result, outputs, model } = await run(shop.pay, { url: WEATHER }, { url: WEATHER, max_sats: 5 });
  assert.equal(result.finalOutput, "It is sunny.");
  await assertBoughtOnce(outputs, shop);
  const [{ request }, second] = model.calls;
  assert.deepEqual(
    request.tools.map(({ name }) => name),
    ["l402_fetch", "l402_quote", "l402_spent", "l402_payments", "l402_decode"],
  );
  assert.match(JSON.stringify(second.request.input), /paid_sats\W+10/);
});

test("a refusal is a result that the model sees, and the run goes on", async () => {
  const { pay, payments } = openShop();
  const { result, outputs } = await run(pay, { url: WEATHER, max_sats: 9 }, { url: "http://127.0.0.1/" }, { a: 1 });
  assert.equal(result.finalOutput, "It is sunny.");
  assert.deepEqual(
    outputs.map(({ error }) => error.code),
    ["over_limit", "host_not_allowed", "invalid_options"],
  );
  assert.equal(payments(), 0);
});
