// Fetches of other makes, each with its own Headers, FormData and Request. A server sees the same requests as without
// us, on free requests and on paid ones, with a store and without.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import http from "node:http";
import test from "node:test";
import { build } from "esbuild";
import * as nodeFetch from "node-fetch";
import { at } from "../../scripts/lib.mjs";
import { bodyOf, listen } from "../support/listen.mjs";
import { challenge } from "../support/mint.mjs";
import { createFetch, memoryStore, receiptOf } from "../../dist/node.js";

const MAJOR = Number(process.versions.node.split(".")[0]);
const undici = await import(MAJOR < 22 ? "undici" : "undici8");

const MAKES = {
  "Node's": globalThis,
  undici,
  "node-fetch": { ...nodeFetch, fetch: nodeFetch.default },
};

/** Names that are neither in order nor in lower case. */
const NAMES = [
  ["X-Zebra", "1"],
  ["Content-Language", "de"],
  ["x-Apple", "2"],
];

/** The arguments for a fetch of a make. They are made anew for each request, since a request may use them up. */
const KINDS = {
  "an address alone": () => [],
  "headers in an object": () => [{ headers: Object.fromEntries(NAMES) }],
  "headers in pairs": () => [{ headers: [...NAMES, ["X-Zebra", "3"]] }],
  "headers in a Map": () => [{ headers: new Map(NAMES) }],
  "its own Headers": ({ Headers }) => [{ headers: new Headers(NAMES) }],
  "Headers that somebody extended": ({ Headers }) => [
    {
      headers: extended(Headers, (headers) => {
        for (const [name, value] of NAMES) headers.append(name, value);
      }),
    },
  ],
  "the runtime's own Headers": () => [{ headers: new globalThis.Headers(NAMES) }],
  "its own FormData": ({ FormData }) => [
    { method: "POST", headers: Object.fromEntries(NAMES), body: filled(new FormData()) },
  ],
  "FormData that somebody extended": ({ FormData }) => [{ method: "POST", body: extended(FormData, filled) }],
  "the runtime's own FormData": () => [{ method: "POST", body: filled(new globalThis.FormData()) }],
  URLSearchParams: () => [
    {
      method: "POST",
      body: new URLSearchParams([
        ["b", "ü"],
        ["a", "1"],
        ["b", "2"],
      ]),
    },
  ],
  "a Blob": () => [{ method: "POST", body: new Blob(["blob"], { type: "image/png" }) }],
  bytes: () => [{ method: "PUT", body: new Uint8Array([0, 65, 66, 0]).subarray(1, 3) }],
  "a Buffer": () => [{ method: "PUT", body: Buffer.from("buffer") }],
  "a text": () => [{ method: "PATCH", headers: { "Content-Type": "application/json" }, body: "{}" }],
  "its own Request": ({ Request }, url) => [new Request(url, { headers: NAMES })],
  "its own Request with a body": ({ Request }, url) => [
    new Request(url, { method: "POST", headers: NAMES, body: "text" }),
  ],
  "its own Request, and an init over it": ({ Request }, url) => [
    new Request(url, { method: "POST", body: "text" }),
    { headers: { "X-Over": "1" } },
  ],
};

/** An instance of a class whose maker wants something else than the class itself does. */
function extended(Class, fill) {
  class Extended extends Class {
    constructor(key) {
      if (typeof key !== "symbol") throw new TypeError("made from a symbol only");
      super();
    }
  }
  const made = new Extended(Symbol());
  fill(made);
  return made;
}

function filled(form) {
  form.append("z", "first ☃");
  form.append("file", new File(["content"], "Näme.txt", { type: "text/plain" }));
  form.append("a", "second");
  return form;
}

/** `/free` tells what it was sent; `/paid`, too, to who has paid. */
async function openShop(t) {
  const seen = [];
  const preimages = new Map();
  const server = http.createServer(async (request, response) => {
    seen.push(whatIsSeen(request, await bodyOf(request, "latin1")));
    const paid = request.headers.authorization?.split(":").pop();
    if (request.url.startsWith("/paid") && ![...preimages.values()].includes(paid)) {
      const preimage = crypto.getRandomValues(new Uint8Array(32));
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", preimage));
      preimages.set(Buffer.from(hash).toString("hex"), Buffer.from(preimage).toString("hex"));
      response.writeHead(402, { "www-authenticate": challenge(hash) });
    }
    response.end("sunny");
  });
  const { url, close } = await listen(server);
  t.after(close);
  return {
    url,
    seen,
    wallet: ({ paymentHash }) => preimages.get(paymentHash),
  };
}

/**
 * As it came, names in their order and case; without what differs from request to request, and without our
 * Authorization.
 */
function whatIsSeen({ method, url, rawHeaders }, body) {
  const headers = [];
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (!/^authorization$/i.test(rawHeaders[at])) headers.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  const [, boundary] = /boundary=(\S+)/.exec(headers.join("\n")) ?? [];
  return JSON.stringify({ method, url, headers, body }, null, 1).replaceAll(boundary ?? "\0", "B");
}

test("a fetch of any make sends the same with us as without", async (t) => {
  for (const [make, classes] of Object.entries(MAKES)) {
    const { url, seen, wallet } = await openShop(t);
    for (const [kind, given] of Object.entries(KINDS)) {
      const args = (path) => {
        const [first, ...rest] = given(classes, url + path);
        return first instanceof classes.Request ? [first, ...rest] : [url + path, ...(first ? [first] : [])];
      };
      const send = async (fetch, path) => {
        seen.length = 0;
        const response = await fetch(...args(path));
        assert.equal(response.status, 200);
        assert.equal(await response.text(), "sunny");
        return [response, seen.splice(0)];
      };
      const [, [plain]] = await send(classes.fetch, "/free");
      for (const store of [undefined, memoryStore()]) {
        const what = `${make}: ${kind}, ${store ? "with" : "without"} a store`;
        const pay = createFetch({
          wallet,
          store,
          limits: { perPayment: 100 },
          networks: ["regtest"],
          fetch: classes.fetch,
        });
        const [free, [sent]] = await send(pay, "/free");
        assert.equal(sent, plain, `${what}: a free request`);
        assert.equal(free.constructor, classes.Response);
        const [paid, both] = await send(pay, "/paid");
        assert.equal(receiptOf(paid).paidNow, true);
        assert.deepEqual(both, new Array(2).fill(plain.replace("/free", "/paid")), `${what}: a paid request`);
        const [again, [reused]] = await send(pay, "/paid");
        assert.equal(receiptOf(again).paidNow, false);
        assert.equal(reused, both[0], `${what}: a request with a token`);
        assert.equal((await pay.payments()).length, 1);
        assert.deepEqual(await pay.spent(), { hour: 10, day: 10, total: 10 });
      }
    }
  }
});

test("a fetch of any make is called like fetch", async () => {
  const bundle = {
    entryPoints: [at("dist/node.js")],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    write: false,
  };
  const { text } = (await build(bundle)).outputFiles[0];
  const minified = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  for (const make of [createFetch, minified.createFetch]) {
    const pay = make({ wallet: () => "", limits: { perPayment: 1 }, fetch });
    assert.deepEqual([pay.name, pay.length, pay.constructor], [fetch.name, fetch.length, fetch.constructor]);
    assert.throws(() => new pay("https://a.example/"), TypeError);
  }
});

test("a 402 that is paid holds no connection, whatever its body is", async (t) => {
  for (const [make, { fetch }] of Object.entries(MAKES)) {
    const { url, wallet } = await openShop(t);
    const bodies = [];
    const pay = createFetch({
      wallet,
      limits: { perPayment: 100 },
      networks: ["regtest"],
      fetch: async (...args) => {
        const response = await fetch(...args);
        bodies.push(response.body);
        return response;
      },
    });
    const response = await pay(`${url}/paid`);
    assert.equal(await response.text(), "sunny", make);
    assert.equal(bodies.length, 2);
    // a stream of Node's is destroyed, one of the platform's is at its end
    const ended = bodies[0].getReader ? (await bodies[0].getReader().read()).done : bodies[0].destroyed;
    assert.equal(ended, true, make);
  }
});

// undici 8 wants a newer Node, whose own fetch is another one, too.
if (MAJOR < 24)
  test("the same in Node 24", async () => {
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const child = spawn(
      at("tests/node_modules/node24/bin/node"),
      ["--test-reporter=tap", "--test", import.meta.filename],
      { env },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    const code = await new Promise((done) => child.on("close", done));
    assert.equal(code, 0, output);
    assert.match(output, /^# pass [1-9]/m);
  });
