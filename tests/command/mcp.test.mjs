// `mcp`: the server of the Model Context Protocol, with the SDK's own clients, MCP Inspector and bare lines.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { at } from "../../scripts/lib.mjs";
import { BIN, NODE_22, NODE_24, openWorld } from "./world.mjs";

const require = createRequire(at("tests/agents/package.json"));
const INSPECTOR = at("tests/agents/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");
const INFO = { name: "test", version: "1.0.0" };

let world;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

/** The shop's host: it is of this machine, so it has to be allowed. */
const allowing = (url) => ["--allow", new URL(url).host];

const CLIENTS = {
  1: () => ({
    ...require("@modelcontextprotocol/sdk/client/index.js"),
    ...require("@modelcontextprotocol/sdk/client/stdio.js"),
  }),
  2: () => ({ ...require("@modelcontextprotocol/client"), ...require("@modelcontextprotocol/client/stdio") }),
};
const NODES = { 1: NODE_22, 2: NODE_24 };

for (const [version, load] of Object.entries(CLIENTS)) {
  test(`the SDK's client of version ${version} lists the tools, and buys once within the limits`, async (t) => {
    const user = await world.user();
    const { Client, StdioClientTransport } = load();
    const url = user.url("a");
    const said = [];
    const connect = async (...args) => {
      const transport = new StdioClientTransport({
        command: NODES[version],
        args: [BIN, "mcp", ...args],
        env: user.env,
        stderr: "pipe",
      });
      transport.stderr.on("data", (data) => said.push(String(data)));
      const client = new Client(INFO);
      t.after(() => client.close());
      client.onerror = (error) => said.push(String(error));
      await client.connect(transport);
      const call = async (name, input) => (await client.callTool({ name, arguments: input })).structuredContent;
      return { client, call };
    };
    const low = await connect(...allowing(url), "--max-sats", "5");
    assert.equal((await low.call("l402_fetch", { url })).error.code, "over_limit");
    await low.client.close();

    const { client, call } = await connect(...allowing(url), "--scope", "agent");
    const { tools } = await client.listTools();
    assert.equal(tools.map(({ name }) => name).join(), "l402_fetch,l402_quote,l402_spent,l402_payments,l402_decode");
    assert.equal((await call("l402_fetch", { url, max_sats: 9 })).error.code, "over_limit");
    assert.equal((await call("l402_fetch", { url: user.url("b", "price=101") })).error.code, "over_limit");
    const bought = await call("l402_fetch", { url });
    assert.deepEqual([bought.status, bought.paid_sats, bought.remaining_sats.day], [200, 10, 990]);
    assert.equal((await call("l402_fetch", { url })).paid_sats, 0);
    // An answer that is an error of the program's own class: it is one class in all files of the command.
    assert.equal((await call("l402_decode", { invoice: "lnbc1" })).error.code, "invalid_invoice");
    await client.close();

    const strict = await connect("--max-sats", "5");
    const { requests } = await user.stats();
    assert.equal((await strict.call("l402_fetch", { url })).error.code, "host_not_allowed");
    assert.equal((await user.stats()).requests, requests);
    await strict.client.close();
    assert.deepEqual(said, []);
    assert.equal((await user.stats()).payments, 1);
    const [payment] = JSON.parse((await user.run(["payments", "--json"])).out);
    assert.deepEqual([payment.url, payment.state, payment.scopes], [url, "paid", ["agent"]]);
  });
}

test("MCP Inspector lists the tools without a complaint, and buys once", async () => {
  const user = await world.user();
  const url = user.url("a");
  const server = [NODE_24, BIN, "mcp", ...allowing(url)];
  const inspect = async (...args) => {
    const own = Object.entries(user.env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const { stdout } = await promisify(execFile)(NODE_24, [INSPECTOR, "--cli", ...own, ...server, ...args], {
      env: user.env,
    });
    return JSON.parse(stdout);
  };
  const { tools } = await inspect("--method", "tools/list", "--strict");
  assert.equal(tools.length, 5);
  const bought = await inspect("--method", "tools/call", "--tool-name", "l402_fetch", "--tool-arg", `url=${url}`);
  assert.equal(bought.structuredContent.paid_sats, 10);
  assert.equal((await user.stats()).payments, 1);
});

/** Starts it, and speaks to it in bare lines. */
function speak(t, user, args = [], options = {}) {
  const child = user.start(["mcp", ...args], { ...options, stdin: "open" });
  t.after(() => child.kill("SIGKILL"));
  let id = 0;
  let read = "";
  const text = new TextDecoder();
  const waiting = new Map();
  child.stdout.on("data", (data) => {
    read += text.decode(data, { stream: true });
    const lines = read.split("\n");
    read = lines.pop();
    for (const line of lines) {
      // Standard output has nothing but the protocol.
      const message = JSON.parse(line);
      assert.equal(message.jsonrpc, "2.0");
      waiting.get(message.id)?.(message.result);
    }
  });
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const ask = (method, params) =>
    new Promise((answer) => {
      waiting.set(++id, answer);
      send({ id, method, params });
    });
  return {
    child,
    async open() {
      const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: INFO };
      const { serverInfo } = await ask("initialize", params);
      send({ method: "notifications/initialized" });
      return serverInfo;
    },
    call: async (name, input) => (await ask("tools/call", { name, arguments: input })).structuredContent,
  };
}

for (const [signal, exit] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  test(`${signal} ends it at once and without a word; so does the end of standard input`, async (t) => {
    const user = await world.user();
    for (const end of [(child) => child.kill(signal), (child) => child.stdin.end()]) {
      const { child, open } = speak(t, user);
      const { name, version } = await open();
      assert.deepEqual([name, `${version}\n`], ["l402-fetch", (await user.run(["--version"])).out]);
      end(child);
      const { code, err } = await child.ended;
      assert.deepEqual([code, err], [child.killed ? exit : 0, ""]);
    }
  });
}

for (const [what, end, exit] of [
  ["SIGINT", (child) => child.kill("SIGINT"), 130],
  ["the end of standard input", (child) => child.stdin.end(), 0],
]) {
  test(`${what} while the wallet pays waits for it; the next client has the token`, async (t) => {
    const user = await world.user();
    const url = user.url("a");
    user.node.answer = "answer=hold";
    const { child, open, call } = speak(t, user, allowing(url));
    await open();
    call("l402_fetch", { url });
    await user.until("asked", 1);
    end(child);
    await child.said(/a payment of 10 sat is under way: waiting for the wallet/);
    await user.release();
    const { code, err } = await child.ended;
    assert.equal(code, exit, err);
    assert.match(err, /paid 10 sat: run it again for the answer/);

    const next = speak(t, user, allowing(url));
    await next.open();
    const { paid_sats, status } = await next.call("l402_fetch", { url });
    assert.deepEqual([status, paid_sats], [200, 0]);
    next.child.stdin.end();
    await next.child.ended;
    const { payments, asked } = await user.stats();
    assert.deepEqual([payments, asked], [1, 1]);
  });
}

test("sessions are paid if they are allowed, and the command closes them", async (t) => {
  const user = await world.user();
  const url = user.url("a", "scheme=session&deposit=2");
  const { child, open, call } = speak(t, user, [...allowing(url), "--max-deposit", "20"]);
  await open();
  assert.deepEqual(
    [(await call("l402_fetch", { url })).paid_sats, (await call("l402_fetch", { url })).paid_sats],
    [20, 0],
  );
  child.stdin.end();
  await child.ended;
  const [{ receivedMsat }] = JSON.parse((await user.run(["close", "--json"])).out);
  assert.equal(receivedMsat, 10_000);
  assert.equal((await user.stats()).payments, 1);
});

test("what is wrong ends it before it serves: standard output stays empty", async () => {
  const user = await world.user();
  const none = { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "" };
  for (const [exit, says, args, env] of [
    [3, /no wallet is set: set NWC_URL/, [], none],
    [2, /PHOENIXD_PASSWORD/, [], { PHOENIXD_PASSWORD: "" }],
    [2, /--allow must be a host or an origin, such as localhost:3000: http:\/\/x\/y/, ["--allow", "http://x/y"]],
    [2, /--csv is no option of mcp/, ["--csv"]],
    [2, /--max-sats must be a whole number/, ["--max-sats", "1.5"]],
  ]) {
    const { code, out, err } = await user.run(["mcp", ...args], { env });
    assert.deepEqual([code, out], [exit, ""], err);
    assert.match(err, says);
  }
});
