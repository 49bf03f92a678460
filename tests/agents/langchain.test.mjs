// LangChain.js: its own agent loop (LangGraph's), with its fake of a model.
import assert from "node:assert/strict";
import test from "node:test";
import { AIMessage, createAgent, fakeModel } from "langchain";
import { agentTools } from "../../dist/agents/langchain.js";
import { ALONE, assertBoughtOnce, openShop, WEATHER } from "./shop.mjs";

async function run(pay, ...inputs) {
  let model = fakeModel();
  inputs.forEach((args, index) => {
    model = model.respondWithTools([{ name: "l402_fetch", args, id: `call-${index}` }]);
  });
  model = model.respond(new AIMessage("It is sunny."));
  const agent = createAgent({ model, tools: agentTools(pay, ALONE) });
  const { messages } = await agent.invoke({ messages: [{ role: "user", content: "How is the weather?" }] });
  const outputs = messages.filter(({ type }) => type === "tool").map(({ content }) => JSON.parse(content));
  return { messages, outputs, model };
}

test("an agent buys once with a tool call, and the model sees the result", async () => {
  const shop = openShop();
  const { messages, outputs } = await run(shop.pay, { url: WEATHER }, { url: WEATHER });
  assert.match(String(messages.at(-1).content), /sunny/);
  await assertBoughtOnce(outputs, shop);
});

test("a refusal is a result that the model sees, and the agent goes on", async () => {
  const { pay, payments } = openShop();
  const { outputs } = await run(pay, { url: WEATHER, max_sats: 9 }, { url: "http://127.0.0.1/" });
  assert.deepEqual(
    outputs.map(({ error }) => error.code),
    ["over_limit", "host_not_allowed"],
  );
  assert.equal(payments(), 0);
});

test("a tool that is invoked by itself buys, and an abort aborts its request", async () => {
  const { pay, payments } = openShop();
  const [fetchTool] = agentTools(pay, ALONE);
  assert.equal(JSON.parse(await fetchTool.invoke({ url: WEATHER })).paid_sats, 10);
  assert.equal(payments(), 1);
  const reason = new Error("enough");
  await assert.rejects(fetchTool.invoke({ url: WEATHER }, { signal: AbortSignal.abort(reason) }));
});
