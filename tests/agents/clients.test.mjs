// Clients that take a fetch: each buys with `pay`, as docs/options.md says.
import assert from "node:assert/strict";
import test from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { generateText } from "ai";
import axios from "axios";
import ky from "ky";
import { createFetch as ofetchWith } from "ofetch";
import OpenAI from "openai";
import { createFetch } from "../../dist/node.js";
import { openSeller } from "../support/seller.mjs";

const baseURL = "https://api.example.com/v1";
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, input_tokens: 1, output_tokens: 1 };

/** What each API answers once it is paid. */
const ANSWERS = {
  "/v1/chat/completions": {
    id: "1",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "sunny" }, finish_reason: "stop" }],
    usage,
  },
  "/v1/messages": {
    id: "1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [{ type: "text", text: "sunny" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage,
  },
};

/** A shop of these APIs, at which each URL costs 10 sat. */
function open(limits = { perPayment: 100 }) {
  const seller = openSeller();
  const events = [];
  const fetch = async (input, init) => {
    const response = await seller.fetch(input, init);
    const answer = ANSWERS[new URL(input.url ?? input).pathname] ?? { weather: "sunny" };
    return response.ok ? Response.json(answer) : response;
  };
  const onEvent = (event) => events.push(event.type === "unpayable" ? event.reason : event.type);
  const pay = createFetch({ wallet: seller.wallet, fetch, networks: ["regtest"], limits, onEvent });
  return { pay, events, payments: seller.payments };
}

const CLIENTS = {
  async "openai 7"(pay) {
    const client = new OpenAI({ baseURL, apiKey: "unused", fetch: pay, defaultHeaders: { Authorization: null } });
    const messages = [{ role: "user", content: "weather?" }];
    return (await client.chat.completions.create({ model: "m", messages })).choices[0].message.content;
  },
  async "@anthropic-ai/sdk 1"(pay) {
    const url = "https://api.example.com";
    const client = new Anthropic({
      baseURL: url,
      apiKey: "unused",
      fetch: pay,
      defaultHeaders: { Authorization: null },
    });
    const messages = [{ role: "user", content: "weather?" }];
    return (await client.messages.create({ model: "m", max_tokens: 5, messages })).content[0].text;
  },
  async "@ai-sdk/openai 4"(pay) {
    const provider = createOpenAI({ baseURL, apiKey: "unused", headers: { Authorization: undefined }, fetch: pay });
    return (await generateText({ model: provider.chat("m"), prompt: "weather?", maxRetries: 0 })).text;
  },
  async "axios 1"(pay) {
    // axios changes whatever an error has as `response`, and fails at one of fetch's.
    const plain = (cause) => Promise.reject(new Error(cause.message, { cause }));
    const client = axios.create({ baseURL, adapter: "fetch", env: { fetch: (...args) => pay(...args).catch(plain) } });
    return (await client.post("/weather", { city: "x" })).data.weather;
  },
  async "ky 2"(pay) {
    return (
      await ky
        .create({ baseUrl: `${baseURL}/`, fetch: pay })
        .post("weather", { json: { city: "x" } })
        .json()
    ).weather;
  },
  async "ofetch 1"(pay) {
    return (await ofetchWith({ fetch: pay })("/weather", { baseURL, method: "POST", body: { city: "x" } })).weather;
  },
};

for (const [name, ask] of Object.entries(CLIENTS)) {
  test(`${name} buys once, and uses what was bought`, async () => {
    const { pay, payments, events } = open();
    assert.equal(await ask(pay).catch((error) => `${error} ${events}`), "sunny");
    assert.equal(await ask(pay), "sunny");
    assert.equal(payments(), 1);
    assert.deepEqual(events, ["challenge", "quote", "paying", "paid", "reused"]);
  });

  test(`${name}: our error is the client's error, or its cause`, async () => {
    const { pay, payments } = open({ perPayment: 5 });
    const error = await ask(pay).then(
      () => assert.fail("resolved"),
      (error) => error,
    );
    const codes = [];
    for (let cause = error; cause; cause = cause.cause) codes.push(cause.code);
    assert.ok(codes.includes("over_limit"), `${error.stack}\n${codes}`);
    assert.equal(payments(), 0);
  });
}
