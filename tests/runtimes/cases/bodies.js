// Bodies are sent again unchanged, or their request is not paid for.
import { assertRefused, openShop } from "../shop.js";

const bytes = new TextEncoder().encode("bytes ☃");
const form = () => {
  const data = new FormData();
  data.append("name", "value ☃");
  data.append("file", new Blob(["content"]), "a.txt");
  return data;
};

const BODIES = [
  ["a string", () => "text ☃", "text ☃"],
  ["an empty string", () => "", ""],
  ["a Uint8Array", () => bytes.slice(), "bytes ☃"],
  ["part of a buffer", () => new Uint8Array([0, ...bytes, 0]).subarray(1, -1), "bytes ☃"],
  ["an ArrayBuffer", () => bytes.slice().buffer, "bytes ☃"],
  ["a DataView", () => new DataView(bytes.slice().buffer), "bytes ☃"],
  ["a Blob", () => new Blob(["blob ☃"]), "blob ☃"],
  ["a Blob with a type", () => new Blob(["blob"], { type: "text/plain" }), "blob"],
  ["URLSearchParams", () => new URLSearchParams({ a: "1", b: "☃" }), "a=1&b=%E2%98%83"],
  ["FormData", form, undefined],
];

export default [
  ...BODIES.map(([name, make, text]) => ({
    name: `${name} as a body is sent again after paying`,
    async run(t) {
      const shop = openShop(t);
      const body = make();
      const init = { method: "POST", body };
      const response = await shop.pay(shop.url("a", { body: "echo" }), init);
      t.equal(response.status, 200);
      const echo = await response.json();
      if (text === undefined) t.ok(echo.body.includes("value ☃") && echo.body.includes("content"), "the form's parts");
      else t.equal(echo.body, text);
      const { log } = await shop.counts({ payments: 1, accepted: 1, requests: 2 });
      t.equal(log[0].bodyLength > 0, text !== "", "the first request had its body");
      const type = (entry) => entry.contentType?.replace(/boundary=.*/, "");
      t.equal(type(log[1]), type(log[0]));
      // The multipart boundary may differ. In some runtimes its length differs too.
      if (text !== undefined) t.equal(log[1].bodyLength, log[0].bodyLength);
      t.same(Object.keys(init), ["method", "body"]);
      t.equal(init.body, body);
    },
  })),
  {
    name: "a Request with a body is sent again from a clone; the caller's is used up, as with fetch",
    async run(t) {
      const shop = openShop(t);
      const request = new Request(shop.url("a", { body: "echo" }), { method: "POST", body: "from a Request" });
      const response = await shop.pay(request);
      t.equal(response.status, 200);
      t.equal((await response.json()).body, "from a Request");
      t.equal(request.bodyUsed, true);
      await shop.counts({ payments: 1, accepted: 1, requests: 2 });
      const error = await t.rejects(shop.pay(request));
      t.ok(error instanceof TypeError && !(error instanceof t.pkg.L402Error), "fetch's own error");
      await shop.counts({ payments: 1, requests: 2 });
    },
  },
  {
    name: "a Request without a body, its method and headers kept, the init over them",
    async run(t) {
      const shop = openShop(t);
      const settings = { cors: "full", body: "echo" };
      const request = new Request(shop.url("a", settings), {
        method: "PUT",
        headers: { "x-own": "1", accept: "text/one" },
      });
      const echo = await (await shop.pay(request)).json();
      t.equal(echo.method, "PUT");
      t.equal(new Headers(echo.headers).get("x-own"), "1");
      const over = await (await shop.client()(request, { method: "DELETE", headers: { "x-own": "2" } })).json();
      t.equal(over.method, "DELETE");
      t.equal(new Headers(over.headers).get("x-own"), "2");
      t.equal(request.headers.has("authorization"), false);
      await shop.counts({ payments: 2, accepted: 2, requests: 4 });
    },
  },
  {
    name: "a stream is sent untouched, and refused before paying: body_not_replayable",
    async run(t) {
      const stream = () => ({
        method: "POST",
        duplex: "half",
        body: new ReadableStream({
          start(controller) {
            controller.enqueue(bytes.slice());
            controller.close();
          },
        }),
      });
      const shop = openShop(t);
      const url = shop.url("a");
      const plain = await shop.fetch(shop.free("a"), stream()).catch((error) => error);
      if (plain instanceof Error) {
        // Chromium streams only over HTTP/2. Its own error comes unchanged.
        const error = await t.rejects(shop.pay(url, stream()));
        t.equal(error.name, plain.name);
        t.equal(error.message, plain.message);
        await shop.counts({ payments: 0, asked: 0 });
      } else {
        const error = await t.rejects(shop.pay(url, stream()), "body_not_replayable");
        await assertRefused(t, shop, error, "body_not_replayable");
        const { log } = await shop.counts({ payments: 0, asked: 0, requests: 2 });
        t.equal(log[1].bodyLength, log[0].bodyLength);
      }
    },
  },
  {
    name: "changes that the caller makes after the call change nothing",
    async run(t) {
      const shop = openShop(t);
      const body = bytes.slice();
      const headers = new Headers({ "x-own": "1" });
      const init = { method: "POST", body, headers };
      const url = new URL(shop.url("a", { cors: "full", body: "echo", hold: "unpaid" }));
      const call = shop.pay(url, init);
      await shop.until("requests", 1);
      body.fill(0);
      headers.set("x-own", "2");
      headers.set("authorization", "Bearer late");
      init.method = "DELETE";
      url.pathname = "/free/elsewhere";
      await shop.release();
      const echo = await (await call).json();
      t.same([echo.method, echo.body, new Headers(echo.headers).get("x-own")], ["POST", "bytes ☃", "1"]);
      const { log } = await shop.counts({ payments: 1, accepted: 1, requests: 2 });
      t.equal(log[1].path, shop.path("a"));
    },
  },
  {
    name: "the caller's init and headers are as they were, whatever their shape",
    async run(t) {
      const shop = openShop(t);
      const shapes = [{ accept: "text/plain" }, [["accept", "text/plain"]], new Headers({ accept: "text/plain" })];
      for (const headers of shapes) {
        const init = Object.freeze({
          method: "POST",
          headers: headers instanceof Headers ? headers : Object.freeze(headers),
          body: "x",
        });
        const url = new URL(shop.url("a", { body: "echo" }));
        const { href } = url;
        const pay = shop.client();
        for (const paidNow of [true, false]) {
          const response = await pay(url, init);
          t.equal(t.pkg.receiptOf(response).paidNow, paidNow);
          t.equal(new Headers((await response.json()).headers).get("accept"), "text/plain");
        }
        t.same([...new Headers(headers)], [["accept", "text/plain"]]);
        t.equal(url.href, href);
      }
      await shop.counts({ payments: 3, accepted: 6 });
    },
  },
];
