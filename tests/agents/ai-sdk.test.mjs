// Vercel's AI SDK: its own loop, with its mock of a model.
import assert from "node:assert/strict";
import test from "node:test";
import { generateText, isStepCount, streamText } from "ai";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { agentTools } from "../../dist/agents/ai-sdk.js";
import { ALONE, assertBoughtOnce, openShop, WEATHER } from "./shop.mjs";

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};
const calls = (input, toolName = "l402_fetch") => ({
  content: [{ type: "tool-call", toolCallId: "1", toolName, input: JSON.stringify(input) }],
  finishReason: { unified: "tool-calls", raw: undefined },
  usage,
  warnings: [],
});
const says = (text) => ({
  content: [{ type: "text", text }],
  finishReason: { unified: "stop", raw: undefined },
  usage,
  warnings: [],
});

/** A model that calls a tool with each input, and then says something. */
const model = (...inputs) =>
  new MockLanguageModelV4({ doGenerate: [...inputs.map((input) => calls(input)), says("It is sunny.")] });
const run = (model, pay) =>
  generateText({ model, tools: agentTools(pay, ALONE), stopWhen: isStepCount(5), prompt: "How is the weather?" });

test("generateText buys once with a tool call, and the model sees the result", async () => {
  const shop = openShop();
  const scripted = model({ url: WEATHER }, { url: WEATHER });
  const { text, steps } = await run(scripted, shop.pay);
  assert.equal(text, "It is sunny.");
  const outputs = steps.flatMap(({ toolResults }) => toolResults.map(({ output }) => output));
  await assertBoughtOnce(outputs, shop);
  const [first, second] = scripted.doGenerateCalls;
  assert.deepEqual(
    first.tools.map(({ name }) => name),
    ["l402_fetch", "l402_quote", "l402_spent", "l402_payments", "l402_decode"],
  );
  assert.equal(first.tools[0].inputSchema.properties.max_sats.minimum, 0);
  assert.match(JSON.stringify(second.prompt), /"paid_sats":10/);
});

test("a refusal is a result that the model sees, and the loop goes on", async () => {
  const { pay, payments } = openShop();
  const { text, steps } = await run(model({ url: WEATHER, max_sats: 9 }, { url: "http://127.0.0.1/" }, { a: 1 }), pay);
  assert.equal(text, "It is sunny.");
  assert.deepEqual(
    steps.flatMap(({ toolResults }) => toolResults.map(({ output }) => output.error.code)),
    ["over_limit", "host_not_allowed", "invalid_options"],
  );
  assert.equal(payments(), 0);
});

test("streamText buys, too", async () => {
  const { pay, payments } = openShop();
  const streams = [calls({ url: WEATHER }), says("sunny")].map(({ content: [part], finishReason }) => ({
    stream: simulateReadableStream({
      chunks: [
        ...(part.type === "text"
          ? [
              { type: "text-start", id: "1" },
              { type: "text-delta", id: "1", delta: part.text },
              { type: "text-end", id: "1" },
            ]
          : [part]),
        { type: "finish", finishReason, usage },
      ],
    }),
  }));
  const scripted = new MockLanguageModelV4({ doStream: streams });
  const { text } = streamText({
    model: scripted,
    tools: agentTools(pay, ALONE),
    stopWhen: isStepCount(5),
    prompt: "How is the weather?",
  });
  assert.equal(await text, "sunny");
  assert.equal(payments(), 1);
});

test("an abort of the run aborts the request", async () => {
  const control = new AbortController();
  const { pay, payments } = openShop({
    fetch: (_url, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        control.abort();
      }),
  });
  const aborted = generateText({
    model: model({ url: WEATHER }),
    tools: agentTools(pay, ALONE),
    prompt: "x",
    stopWhen: isStepCount(5),
    abortSignal: control.signal,
  });
  await assert.rejects(aborted, { name: "AbortError" });
  assert.equal(payments(), 0);
});
