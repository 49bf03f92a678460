// The headers and the body of a call, as fetch sends them: what an offer may be bound to.
import assert from "node:assert/strict";
import test from "node:test";
import { outgoing } from "../../src/js/core/outgoing.js";
import { readCall } from "./calls.mjs";

const URL_ = "https://api.example.com/a";

/** The text of the body, null where it is not known, and the headers. */
async function read(input, init) {
  const [bytes, headers] = await outgoing(readCall(input, init, { fetch: () => new Response() }));
  return [bytes && Buffer.from(bytes).toString(), Object.fromEntries(JSON.parse(headers))];
}

test("each body that stays as it is, with the type that fetch gives it", async () => {
  const plain = "text/plain;charset=UTF-8";
  assert.deepEqual(await read(URL_), ["", {}]);
  assert.deepEqual(await read(new URL(URL_), { headers: { A: " b ", c: "" } }), ["", { a: "b", c: "" }]);
  const post = (body, headers) => read(URL_, { method: "POST", body, ...(headers && { headers }) });
  assert.deepEqual(await post("é"), ["é", { "content-type": plain }]);
  assert.deepEqual(await post(""), ["", { "content-type": plain }]);
  assert.deepEqual(await post("x", [["Content-Type", "a/b"]]), ["x", { "content-type": "a/b" }]);
  assert.deepEqual(await post(Buffer.from("x")), ["x", {}]);
  assert.deepEqual(await post(new Blob(["x"], { type: "a/b" })), ["x", { "content-type": "a/b" }]);
  const [text, { "content-type": type }] = await post(new URLSearchParams({ a: "b c" }));
  assert.deepEqual([text, type], ["a=b+c", "application/x-www-form-urlencoded;charset=UTF-8"]);
  const form = new FormData();
  form.append("a", "b");
  assert.equal((await post(form))[0], null);
  assert.equal((await post(new ReadableStream()))[0], null);
});

test("a Request is read again and again, and its init takes the place of its parts", async () => {
  const request = new Request(URL_, { method: "POST", body: "x", headers: { a: "b", "content-type": "c/d" } });
  const call = readCall(request, undefined, { fetch: () => new Response() });
  call.hold();
  for (let time = 0; time < 2; time++) {
    const [bytes, headers] = await outgoing(call);
    assert.equal(Buffer.from(bytes).toString(), "x");
    assert.deepEqual(Object.fromEntries(JSON.parse(headers)), { a: "b", "content-type": "c/d" });
  }
  const [body, headers] = await read(new Request(URL_, { method: "POST", body: "x" }), { headers: { e: "f" } });
  assert.deepEqual([body, headers.e, headers.a], ["x", "f", undefined]);
  assert.deepEqual((await read(new Request(URL_, { method: "PUT", body: "x" }), { body: "y" }))[0], "y");
});

test("what no fetch would take has no known body", async () => {
  for (const init of [{ headers: { "": "x" } }, { method: "GET", body: "x" }, { method: "no method" }, { headers: 5 }])
    assert.deepEqual(await read(URL_, init), [null, {}]);
  assert.deepEqual(await read("nowhere"), [null, {}]);
});
