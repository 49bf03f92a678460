// MCP servers written with both versions of the SDK, and their own clients.
import assert from "node:assert/strict";
import test, { mock } from "node:test";
import * as v2 from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import * as v2server from "@modelcontextprotocol/server";
import { registerTools } from "../../dist/agents/mcp.js";
import { ALONE, openShop, WEATHER } from "./shop.mjs";

const INFO = { name: "test", version: "1.0.0" };

/** A server and a client of each version, joined. `answer` is what a person says to each question. */
const VERSIONS = {
  async 1(pay, options, answer) {
    const server = new McpServer(INFO);
    registerTools(server, pay, { ...ALONE, ...options });
    const client = new Client(INFO, { capabilities: answer ? { elicitation: {} } : {} });
    if (answer) client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params));
    const [here, there] = InMemoryTransport.createLinkedPair();
    await Promise.all([server.connect(there), client.connect(here)]);
    return client;
  },
  async 2(pay, options, answer) {
    const server = new v2server.McpServer(INFO);
    registerTools(server, pay, { ...ALONE, ...options });
    const client = new v2.Client(INFO, { capabilities: answer ? { elicitation: {} } : {} });
    if (answer) client.setRequestHandler("elicitation/create", ({ params }) => answer(params));
    const [here, there] = v2.InMemoryTransport.createLinkedPair();
    await Promise.all([server.connect(there), client.connect(here)]);
    return client;
  },
  // There a server asks nothing: its answer says what it needs, and the client calls again with it.
  async "2 over HTTP, revision 2026-07-28"(pay, options, answer) {
    const handler = v2server.createMcpHandler(() => {
      const server = new v2server.McpServer(INFO);
      registerTools(server, pay, { ...ALONE, ...options });
      return server;
    });
    const capabilities = answer ? { elicitation: {} } : {};
    const client = new v2.Client(INFO, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
    if (answer) client.setRequestHandler("elicitation/create", ({ params }) => answer(params));
    const fetch = (url, init) => handler.fetch(new Request(url, init));
    await client.connect(new v2.StreamableHTTPClientTransport(new URL("http://127.0.0.1:1/mcp"), { fetch }));
    return client;
  },
};

for (const [version, connect] of Object.entries(VERSIONS)) {
  const call = (client, name, input, options) =>
    version === "1"
      ? client.callTool({ name, arguments: input }, undefined, options)
      : client.callTool({ name, arguments: input }, options);
  const buy = (client, input, options) => call(client, "l402_fetch", { url: WEATHER, ...input }, options);

  test(`${version}: the tools are listed with their schemas and hints`, async () => {
    const { pay } = openShop();
    const { tools } = await (await connect(pay)).listTools();
    assert.deepEqual(
      tools.map(({ name }) => name),
      ["l402_fetch", "l402_quote", "l402_spent", "l402_payments", "l402_decode"],
    );
    const [{ inputSchema, annotations, description }] = tools;
    assert.match(description, /pays over Lightning/);
    assert.deepEqual(inputSchema.required, ["url"]);
    assert.equal(inputSchema.additionalProperties, false);
    const { max_sats, method, headers, body } = inputSchema.properties;
    assert.deepEqual(
      [headers.type, headers.additionalProperties, body],
      ["object", { type: "string" }, { type: "string" }],
    );
    assert.ok(!JSON.stringify(tools).includes("propertyNames"));
    assert.deepEqual([max_sats.type, max_sats.minimum, max_sats.maximum], ["integer", 0, 9_007_199_254_740]);
    assert.deepEqual(method.enum, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
    assert.equal(annotations.readOnlyHint, false);
    assert.equal(tools[2].annotations.readOnlyHint, true);
  });

  test(`${version}: a call pays once, and tells so in the text and in structuredContent`, async () => {
    const { pay, payments } = openShop();
    const client = await connect(pay);
    const result = await buy(client);
    assert.ok(!result.isError);
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
    const { paid_sats, payment, untrusted_content, remaining_sats } = result.structuredContent;
    assert.deepEqual([paid_sats, payment.state, payment.amount_sats], [10, "paid", 10]);
    assert.deepEqual([untrusted_content.body, remaining_sats.day], ["sunny", 990]);
    assert.equal((await buy(client)).structuredContent.paid_sats, 0);
    assert.equal(payments(), 1);
    assert.deepEqual((await call(client, "l402_spent", {})).structuredContent.spent_sats, {
      hour: 10,
      day: 10,
      total: 10,
    });
  });

  test(`${version}: a refusal is an answer with isError, and bad input never reaches the shop`, async () => {
    const { pay, payments } = openShop();
    const client = await connect(pay);
    const refused = await buy(client, { max_sats: 9 });
    assert.equal(refused.isError, true);
    assert.equal(refused.structuredContent.error.code, "over_limit");
    for (const input of [{ max_sats: -1 }, { max_sats: 1e300 }, { method: "TRACE" }, { limits: {} }, { url: 5 }])
      assert.equal((await buy(client, input)).isError, true, JSON.stringify(input));
    assert.equal(
      (await buy(client, { url: "http://169.254.169.254/" })).structuredContent.error.code,
      "host_not_allowed",
    );
    assert.equal(payments(), 0);
  });

  test(`${version}: a client hears of a payment's steps, and that it is still under way`, async () => {
    mock.timers.enable({ apis: ["setInterval"] });
    try {
      let pay10;
      const asked = new Promise((resolve) => {
        pay10 = resolve;
      });
      let answer;
      const { pay, payments } = openShop({
        wallet: (own) => (invoice) => {
          pay10();
          return new Promise((resolve) => {
            answer = () => resolve(own(invoice));
          });
        },
      });
      const client = await connect(pay);
      const heard = [];
      let hear = () => {};
      const onprogress = ({ progress, message }) => {
        heard.push([progress, message]);
        hear();
      };
      const until = (count) =>
        new Promise((resolve) => {
          hear = () => heard.length >= count && resolve();
          hear();
        });
      const result = buy(client, {}, { onprogress });
      await asked;
      await until(2);
      mock.timers.tick(20_000);
      await until(4);
      answer();
      assert.equal((await result).structuredContent.paid_sats, 10);
      assert.deepEqual(heard, [
        [1, "the price is 10 sat"],
        [2, "paying 10 sat"],
        [3, "still under way"],
        [4, "still under way"],
        [5, "paid, and sending the request again"],
      ]);
      assert.equal(payments(), 1);
      mock.timers.tick(60_000);
      assert.equal(heard.length, 5, "nothing after the end");
    } finally {
      mock.timers.reset();
    }
  });

  test(`${version}: above approveAbove a person is asked, and only a yes pays`, async () => {
    for (const action of ["accept", "decline", "cancel"]) {
      const { pay, payments } = openShop();
      const questions = [];
      const client = await connect(pay, { approveAbove: 14 }, (params) => {
        questions.push(params.message);
        return { action, ...(action === "accept" && { content: {} }) };
      });
      const { structuredContent } = await buy(client);
      assert.deepEqual(questions, [
        `Pay 10 sat, and at most 5 sat for routing, to https://api.example.com? The seller calls it "weather".`,
      ]);
      assert.equal(structuredContent.error?.code, action === "accept" ? undefined : "declined");
      assert.equal(payments(), action === "accept" ? 1 : 0);
    }
  });

  test(`${version}: up to approveAbove nobody is asked`, async () => {
    const { pay, payments } = openShop();
    const client = await connect(pay, { approveAbove: 15 }, () => assert.fail("asked"));
    assert.equal((await buy(client)).structuredContent.paid_sats, 10);
    assert.equal(payments(), 1);
  });

  test(`${version}: a client that can't ask is refused, and told why`, async () => {
    const { pay, payments } = openShop();
    const { structuredContent, isError } = await buy(await connect(pay, { approveAbove: 0 }));
    assert.equal(isError, true);
    assert.equal(structuredContent.error.code, "declined");
    assert.match(structuredContent.error.message, /needs a person's consent, and this client can't ask/);
    assert.equal(payments(), 0);
  });

  test(`${version}: a call that the client cancels ends, and a payment that was begun is kept`, async () => {
    let answer;
    let ask;
    const asked = new Promise((resolve) => {
      ask = resolve;
    });
    const { pay, payments } = openShop({
      wallet: (own) => (invoice) =>
        new Promise((resolve) => {
          answer = () => resolve(own(invoice));
          ask();
        }),
    });
    const client = await connect(pay);
    const control = new AbortController();
    const result = buy(client, {}, { signal: control.signal });
    await asked;
    control.abort(new Error("enough"));
    await assert.rejects(result, /enough/);
    answer();
    assert.equal((await buy(client)).structuredContent.untrusted_content.body, "sunny");
    assert.equal(payments(), 1);
  });
}

test("2: a consent is one to an amount at an origin, and only to that and less", async () => {
  const { pay, payments } = openShop();
  let call;
  const server = {
    server: { getClientCapabilities: () => ({ elicitation: {} }) },
    registerTool: (name, _config, callback) => {
      if (name === "l402_fetch") call = callback;
    },
  };
  registerTools(server, pay, { ...ALONE, approveAbove: 5 });
  const buy = (inputResponses) =>
    call({ url: WEATHER }, { mcpReq: { id: 1, signal: new AbortController().signal, notify() {}, inputResponses } });
  const name = (sats, origin = "https://api.example.com") => `pay_${sats}_sat_to_${origin}`;
  const yes = { action: "accept" };
  // Between two calls a server can redirect to another seller than the one that a person has agreed to.
  const others = ["pay_15_sat", name(14), name("x"), name(15, "https://evil.example.com"), name(15, "")];
  for (const answers of [undefined, {}, ...others.map((name) => ({ [name]: yes }))]) {
    const { resultType, inputRequests } = await buy(answers);
    assert.equal(resultType, "input_required");
    assert.deepEqual(Object.keys(inputRequests), [name(15)]);
    assert.equal(inputRequests[name(15)].method, "elicitation/create");
  }
  for (const answers of [
    { [name(15)]: { action: "decline" } },
    { [name(15)]: { action: "cancel" } },
    { [name(15)]: {} },
  ])
    assert.equal((await buy(answers)).structuredContent.error.code, "declined");
  assert.equal(payments(), 0);
  assert.equal((await buy({ [name(15)]: yes })).structuredContent.paid_sats, 10);
  assert.equal(payments(), 1);
});

test("options that are wrong throw", () => {
  const { pay } = openShop();
  const server = new McpServer(INFO);
  for (const options of [{ approveAbove: -1 }, { approveAbove: "5" }, { aprove: 5 }, { allow: "a" }])
    assert.throws(() => registerTools(server, pay, options), { code: "invalid_options" });
});
