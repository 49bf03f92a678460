// Streams of events that ask for a deposit, read along while somebody else reads them.
import assert from "node:assert/strict";
import test from "node:test";
import { watched } from "../../src/js/core/stream.js";

const SESSION = "ab".repeat(32);
const NEED = (sessionId = SESSION, balanceSpent = 3) =>
  `event: payment-need-topup\ndata: ${JSON.stringify({ sessionId, balanceSpent, balanceRequired: 1 })}\n\n`;

const encode = (text) => new TextEncoder().encode(text);

function streamOf(chunks, headers = { "content-type": "text/event-stream" }) {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encode(chunk));
      controller.close();
    },
  });
  return new Response(body, { headers });
}

/** The sessions that were asked for, and the text that the reader got. */
async function read(chunks) {
  const asked = [];
  const text = await watched(streamOf(chunks), async (session) => void asked.push(session)).text();
  assert.equal(text, chunks.join(""));
  return asked;
}

test("an event is read whatever its chunks and line ends", async () => {
  const event = NEED();
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = `data: 1${end}${end}${event.replaceAll("\n", end)}data: 2${end}${end}`;
    for (let at = 0; at <= text.length; at++) {
      assert.deepEqual(await read([text.slice(0, at), text.slice(at)]), [SESSION], `${JSON.stringify(end)} at ${at}`);
    }
    assert.deepEqual(await read([...text]), [SESSION]);
  }
});

test("an event that ends in a CR alone is told at once: the server waits", async () => {
  let told;
  const asked = new Promise((resolve) => {
    told = resolve;
  });
  const body = new ReadableStream({ start: (controller) => controller.enqueue(encode(NEED().replaceAll("\n", "\r"))) });
  const response = watched(new Response(body, { headers: { "content-type": "text/event-stream" } }), async (id) =>
    told(id),
  );
  const reader = response.body.getReader();
  await reader.read();
  assert.equal(await asked, SESSION);
  await reader.cancel();
});

test("other events, and those of no session, ask for nothing", async () => {
  assert.deepEqual(await read(["event: message\ndata: {}\n\n"]), []);
  for (const id of ["", "x", SESSION.toUpperCase(), 7, null]) assert.deepEqual(await read([NEED(id)]), [], String(id));
  assert.deepEqual(await read(["event: payment-need-topup\ndata: nonsense\n\n"]), []);
  assert.deepEqual(await read([`data: ${NEED().split("\n")[0]}\n\n`]), [], "what stands in data is data");
});

test("a long line is passed on, not kept, and its end is no line of its own", async () => {
  const long = "x".repeat(30_000);
  assert.deepEqual(await read([long, `${long}\n${NEED()}`]), [SESSION]);
  assert.deepEqual(await read([`data: ${long}`, `event: payment-need-topup\n${NEED().split("\n")[1]}\n\n`]), []);
});

test("one deposit is asked for at a time", async () => {
  const asked = [];
  let pay;
  const topUp = (session) => {
    asked.push(session);
    return new Promise((resolve) => {
      pay = resolve;
    });
  };
  let controller;
  const body = new ReadableStream({
    start(given) {
      controller = given;
    },
  });
  const response = watched(new Response(body, { headers: { "content-type": "text/event-stream" } }), topUp);
  const reader = response.body.getReader();
  const next = async (text) => {
    controller.enqueue(encode(text));
    await reader.read();
  };
  const paid = async () => {
    pay();
    await new Promise((resolve) => setImmediate(resolve));
  };
  await next(NEED());
  await next(NEED());
  assert.deepEqual(asked, [SESSION], "a reminder");
  // The server has the deposit, and its answer to that is still on its way.
  await next(NEED(SESSION, 6));
  assert.deepEqual(asked, [SESSION]);
  await paid();
  assert.deepEqual(asked, [SESSION, SESSION]);
  await paid();
  assert.equal(asked.length, 2);
  await next(NEED(SESSION, 6));
  assert.equal(asked.length, 3, "the deposit was refused, and the server asks again");
});

test("what can't be read along comes back as it is", () => {
  const topUp = () => assert.fail("nothing asks");
  const plain = streamOf(["x"], { "content-type": "text/plain" });
  const none = new Response(null, { status: 204, headers: { "content-type": "text/event-stream" } });
  const odd = { status: 200, headers: new Headers({ "content-type": "text/event-stream" }), body: { getReader() {} } };
  const outside = Object.defineProperty(streamOf(["x"]), "status", { value: 999 });
  for (const response of [plain, none, odd, outside, undefined, null, 7])
    assert.equal(watched(response, topUp), response);
});

test("an error of the source, and a reader that leaves, pass through", async () => {
  const failing = new ReadableStream({ pull: (controller) => controller.error(new TypeError("gone")) });
  const headers = { "content-type": "text/event-stream" };
  await assert.rejects(watched(new Response(failing, { headers }), async () => {}).text(), { message: "gone" });
  const cancelled = await new Promise((resolve) => {
    const open = new ReadableStream({ cancel: resolve });
    watched(new Response(open, { headers }), async () => {}).body.cancel("enough");
  });
  assert.equal(cancelled, "enough");
});
