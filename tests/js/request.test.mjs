import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { bodyOf, listen } from "../support/listen.mjs";
import { readCall } from "./calls.mjs";

const URL_ = "https://api.example.com/a?b=c";

/** A fetch that notes its arguments. */
function recorder(answer = () => new Response()) {
  const calls = [];
  const fetch = async (...args) => {
    calls.push(args);
    return answer(calls.length, ...args);
  };
  return { fetch, calls };
}

function read(input, init, more = {}) {
  const { fetch, calls } = recorder();
  return { call: readCall(input, init, { fetch, ...more }), calls };
}

/** The request that the runtime itself makes of a fetch's arguments. */
async function meaning([input, init]) {
  const request = new Request(input instanceof Request ? input.clone() : input, init);
  return { method: request.method, headers: Object.fromEntries(request.headers), body: await request.text() };
}

test("the first send passes on the caller's own arguments", async () => {
  const url = new URL(URL_);
  const request = new Request(URL_, { method: "POST", body: "x" });
  const init = { method: "POST", headers: new Headers({ a: "b" }), body: new Uint8Array([1]), cf: { cacheTtl: 1 } };
  for (const args of [
    [URL_],
    [url],
    [request],
    [URL_, init],
    [url, init],
    [request, {}],
    [URL_, null],
    [undefined],
    [5],
    [URL_, "no init"],
    [Symbol.iterator],
  ]) {
    const { call, calls } = read(...args);
    call.send();
    assert.equal(calls.length, 1);
    assert.equal(calls[0].length, args.length);
    for (const [i, arg] of args.entries()) assert.equal(calls[0][i], arg);
  }
});

test("a fetch of the user's own that throws, or returns no promise", async () => {
  const mine = new Error("mine");
  const throwing = readCall(URL_, undefined, {
    fetch: () => {
      throw mine;
    },
  });
  const plain = readCall(URL_, undefined, { fetch: () => "no promise" });
  for (const authorization of [undefined, "L402 t:p"]) {
    await assert.rejects(throwing.send(authorization), (error) => error === mine);
    assert.equal(await plain.send(authorization).then((answer) => answer), "no promise");
  }
});

test("fetch is called before send returns", () => {
  const { call, calls } = read(URL_);
  call.send();
  call.send("L402 t:p", true);
  assert.equal(calls.length, 2);
});

test("the method, URL and flags that are read of a request", () => {
  const rows = [
    [[URL_], { method: "GET", url: URL_, payable: true, brought: 0, replayable: true }],
    [["HTTPS://API.example.com:443/x#frag#ment"], { url: "https://api.example.com/x" }],
    [["http://a.b:8080/?#"], { url: "http://a.b:8080/?" }],
    [[new URL("http://[::1]:80/#x")], { url: "http://[::1]/" }],
    [[{ toString: () => URL_ }], { url: URL_ }],
    [[new Request(`${URL_}#x`, { method: "put" })], { method: "PUT", url: URL_ }],
    [[URL_, { method: "post" }], { method: "POST" }],
    [[URL_, { method: "patch" }], { method: "patch" }],
    [[new Request(URL_, { method: "POST" }), { method: "delete" }], { method: "DELETE" }],
    [[new Request(URL_, { method: "POST" }), { method: undefined }], { method: "POST" }],
    [[URL_, { method: "options" }], { method: "OPTIONS", payable: false }],
    [[URL_, { mode: "no-cors" }], { payable: false }],
    [[new Request(URL_, { mode: "no-cors" })], { payable: false }],
    [[URL_, { cache: "only-if-cached" }], { payable: false }],
    [[new Request(URL_, { cache: "only-if-cached", mode: "same-origin" })], { payable: false }],
    [
      [URL_, { method: "HEAD", credentials: "omit", keepalive: true, redirect: "manual" }],
      { method: "HEAD", payable: true },
    ],
    [["/relative"], { url: null }],
    [["nonsense"], { url: null }],
    [[Symbol.iterator], { url: null }],
    [[undefined], { url: null }],
  ];
  for (const [args, expected] of rows) {
    const { call } = read(...args);
    for (const [key, value] of Object.entries(expected)) assert.equal(call[key], value, `${key} of ${String(args[0])}`);
    call.send();
    for (const [key, value] of Object.entries(expected))
      assert.equal(call[key], value, `${key} of ${String(args[0])}, sent`);
  }
});

test("a relative URL belongs to the document, or to the worker", (t) => {
  t.after(() => {
    delete globalThis.document;
    delete globalThis.location;
  });
  globalThis.location = { href: "https://worker.example/dir/w.js" };
  assert.equal(read("x").call.url, "https://worker.example/dir/x");
  globalThis.document = { baseURI: "https://page.example/base/" };
  assert.equal(read("x").call.url, "https://page.example/base/x");
});

test("the caller's signal", () => {
  const { signal } = new AbortController();
  assert.equal(read(URL_).call.signal, undefined);
  assert.equal(read(URL_, { signal }).call.signal, signal);
  const request = new Request(URL_, { signal });
  assert.equal(read(request).call.signal, request.signal);
  assert.equal(read(request, { signal: null }).call.signal, undefined);
});

test("an Authorization of the caller's own is seen in every shape of headers", () => {
  const yes = [
    { Authorization: "x" },
    { AUTHORIZATION: "" },
    [["authorization", "x"]],
    new Headers({ authorization: "x" }),
    new Map([["aUthorization", "x"]]),
  ];
  for (const headers of yes) assert.equal(read(URL_, { headers }).call.brought, 1);
  for (const headers of [undefined, null, {}, [], { "x-authorization": "x" }, new Headers({ a: "authorization" })]) {
    assert.equal(read(URL_, { headers }).call.brought, 0);
  }
  const request = new Request(URL_, { headers: { authorization: "x" } });
  assert.equal(read(request).call.brought, 1);
  // Deno and Bun make one of the URL's user; Deno's takes the place of ours.
  for (const user of ["user:secret@", "user@", ":secret@"])
    assert.equal(read(URL_.replace("://", `://${user}`)).call.brought, 1, user);
  assert.equal(read(URL_.replace("://", "://@")).call.brought, 0);
  // The init's headers take the place of all of the Request's.
  assert.equal(read(request, { headers: {} }).call.brought, 0);
  for (const headers of [{ "Payment-Signature": "x" }, [["PAYMENT-AUTHORIZATION", "x"]]]) {
    assert.equal(read(URL_, { headers }).call.brought, 2);
    assert.equal(read(URL_, { headers: new Headers(headers) }).call.brought, 2);
    const both = new Headers(headers);
    both.set("authorization", "x");
    assert.equal(read(URL_, { headers: both }).call.brought, 3);
  }
});

test("a repeat is fetch(input, {...init, headers}), unknown members kept", async () => {
  const dispatcher = {};
  const { signal } = new AbortController();
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json", a: "b" },
    body: "{}",
    cf: { ttl: 1 },
    dispatcher,
    duplex: "half",
    signal,
    redirect: "error",
  };
  const before = structuredClone({ ...init, signal: undefined });
  const { call, calls } = read(URL_, init);
  await call.send();
  await call.send("L402 t:p", true);
  const [input, repeat] = calls[1];
  assert.equal(input, URL_);
  assert.deepEqual({ ...repeat, headers: undefined }, { ...init, headers: undefined });
  assert.equal(repeat.dispatcher, dispatcher);
  assert.equal(repeat.signal, signal);
  assert.deepEqual(Object.fromEntries(new Headers(repeat.headers)), {
    "content-type": "application/json",
    a: "b",
    authorization: "L402 t:p",
  });
  assert.deepEqual({ ...init, signal: undefined }, before);
  assert.equal(calls[1].length, 2);
});

test("a token replaces no header but Authorization, whatever the headers' shape", async () => {
  const rows = [
    undefined,
    { a: "b" },
    [
      ["a", "b"],
      ["a", "c"],
    ],
    new Headers({ a: "b" }),
    new Map([["a", "b"]]),
  ];
  for (const headers of rows) {
    const { call, calls } = read(URL_, headers && { headers });
    await call.send("L402 t:p");
    const expected = new Headers(headers);
    expected.set("authorization", "L402 t:p");
    assert.deepEqual([...new Headers(calls[0][1].headers)], [...expected]);
    if (headers instanceof Headers) assert.equal(headers.get("authorization"), null);
  }
});

test("a repeat without a token is the plain request", async () => {
  const { call, calls } = read(URL_, { headers: { a: "b" }, cf: 1 });
  await call.send("L402 t:p");
  await call.send(undefined, true);
  assert.deepEqual(calls[1], [URL_, { headers: { a: "b" }, cf: 1 }]);
  const bare = read(URL_);
  await bare.call.send("L402 t:p");
  await bare.call.send(undefined, true);
  assert.deepEqual(bare.calls[1], [URL_]);
});

test("a relative URL keeps the meaning that it had when the call was made", async (t) => {
  globalThis.document = { baseURI: "https://api.example/before/" };
  t.after(() => delete globalThis.document);
  for (const given of ["weather", { toString: () => "weather" }]) {
    document.baseURI = "https://api.example/before/";
    const { call, calls } = read(given);
    await call.send();
    document.baseURI = "https://api.example/after/";
    await call.send("L402 t:p", true);
    assert.equal(String(calls[0][0]), "weather");
    assert.equal(calls[1][0], "https://api.example/before/weather");
    assert.equal(call.url, "https://api.example/before/weather");
  }
});

test("changes that the caller makes after the call change no repeat", async () => {
  const form = new FormData();
  form.append("k", "v");
  const bodies = [
    [
      new Uint8Array([65, 66]),
      (b) => {
        b[0] = 88;
      },
      "AB",
    ],
    [
      new Uint8Array([1, 65, 66, 2]).subarray(1, 3),
      (b) => {
        b[0] = 88;
      },
      "AB",
    ],
    [
      new Uint8Array([65]).buffer,
      (b) => {
        new Uint8Array(b)[0] = 88;
      },
      "A",
    ],
    [new DataView(new Uint8Array([65]).buffer), (b) => b.setUint8(0, 88), "A"],
    [new URLSearchParams({ a: "1" }), (b) => b.append("b", "2"), "a=1"],
  ];
  for (const held of [false, true]) {
    for (const [body, change, text] of structuredCloneBodies(bodies)) {
      const url = new URL(URL_);
      const headers = { a: "b" };
      const init = { method: "POST", headers, body, cf: 1 };
      const { call, calls } = read(url, init);
      if (held) call.hold();
      else await call.send();
      change(body);
      url.pathname = "/evil";
      headers.a = headers.c = "changed";
      init.method = "DELETE";
      init.cf = 2;
      if (held) await call.send();
      await call.send("L402 t:p", true);
      for (const args of held ? calls : calls.slice(1)) {
        const { headers: sent, ...rest } = await meaning(args);
        assert.deepEqual(rest, { method: "POST", body: text });
        assert.deepEqual([sent.a, sent.c], ["b", undefined]);
        assert.equal(String(args[0]), URL_);
        assert.equal(args[1].cf, 1);
      }
      assert.equal(call.url, URL_);
    }
    const { call, calls } = read(URL_, { method: "POST", body: form });
    if (held) call.hold();
    else await call.send();
    form.append("late", "1");
    if (held) await call.send();
    await call.send("L402 t:p", true);
    for (const [, init] of held ? calls : calls.slice(1)) assert.deepEqual([...init.body], [["k", "v"]]);
    form.delete("late");
  }
});

/** Fresh bodies for each round, for they are changed. */
function structuredCloneBodies(rows) {
  return rows.map(([body, change, text]) => [
    body instanceof URLSearchParams ? new URLSearchParams(body) : structuredClone(body),
    change,
    text,
  ]);
}

test("Headers that change later, and an iterator that can be read only once", async () => {
  const headers = new Headers({ a: "b" });
  const { call, calls } = read(URL_, { headers });
  await call.send();
  headers.set("a", "changed");
  await call.send("L402 t:p", true);
  assert.equal(calls[1][1].headers.get("a"), "b");

  const once = read(URL_, { headers: [["a", "b"]][Symbol.iterator]() });
  assert.equal(once.call.brought, 0);
  await once.call.send();
  await once.call.send("L402 t:p");
  for (const args of once.calls) assert.equal((await meaning(args)).headers.a, "b");
});

test("the bodies that can be sent again", () => {
  const file = new File(["x"], "x.txt");
  const yes = [
    undefined,
    null,
    "text",
    "",
    5,
    true,
    new Uint8Array(1),
    new ArrayBuffer(1),
    Buffer.from("x"),
    new Blob(["x"]),
    file,
    new FormData(),
    new URLSearchParams(),
  ];
  for (const body of yes) assert.equal(read(URL_, { method: "POST", body }).call.replayable, true, String(body));
  async function* chunks() {
    yield "x";
  }
  const no = [new ReadableStream(), chunks(), { toString: () => "x" }, { [Symbol.asyncIterator]: chunks }, () => {}];
  for (const body of no) assert.equal(read(URL_, { method: "POST", body }).call.replayable, false, String(body));
});

test("bodies are recognised without a tag, as in older workerd, and by their tag, as from another realm", async (t) => {
  const bodies = [new Blob(["x"]), new File(["x"], "x"), new FormData(), new URLSearchParams("x")];
  for (const type of [Blob, File, FormData, URLSearchParams]) {
    const tag = Object.getOwnPropertyDescriptor(type.prototype, Symbol.toStringTag);
    delete type.prototype[Symbol.toStringTag];
    t.after(() => Object.defineProperty(type.prototype, Symbol.toStringTag, tag));
  }
  for (const body of bodies) assert.equal(read(URL_, { method: "POST", body }).call.replayable, true);
  assert.equal(read(URL_, { method: "POST", body: { [Symbol.toStringTag]: "Blob" } }).call.replayable, true);
});

test("a stream is sent untouched, and once", async () => {
  const body = new ReadableStream();
  const init = { method: "POST", body, duplex: "half" };
  for (const held of [false, true]) {
    const { call, calls } = read(URL_, init);
    if (held) call.hold();
    await call.send();
    assert.equal(calls[0][1].body, body);
    assert.equal(body.locked, false);
    assert.equal(call.replayable, false);
  }
});

test("a Request with a body is sent several times, itself first", async () => {
  const request = new Request(URL_, { method: "POST", body: "payload", headers: { a: "b" } });
  const { fetch, calls } = recorder(async (_n, input, init) => new Response(await new Request(input, init).text()));
  const call = readCall(request, undefined, { fetch });
  assert.equal(call.replayable, true);
  assert.equal(await (await call.send()).text(), "payload");
  assert.equal(calls[0][0], request);
  assert.equal(request.bodyUsed, true);
  assert.equal(await (await call.send("L402 t:p", true)).text(), "payload");
  assert.equal(await (await call.send(undefined, true)).text(), "payload");
  assert.equal(await (await call.send("L402 u:q", true)).text(), "payload");
  assert.deepEqual(Object.fromEntries(calls[1][1].headers), {
    a: "b",
    "content-type": "text/plain;charset=UTF-8",
    authorization: "L402 t:p",
  });
  assert.equal(request.headers.get("authorization"), null);
  call.drop();
  assert.equal(call.replayable, false);
});

test("a Request is cloned only if it may be sent again, and its clone is released", async () => {
  const clones = (init, over) => {
    const request = new Request(URL_, { method: "POST", body: "x", ...init });
    let count = 0;
    request.clone = () => {
      count++;
      return Request.prototype.clone.call(request);
    };
    const { call } = read(request, over);
    return [call.replayable, count];
  };
  assert.deepEqual(clones(), [true, 1]);
  assert.deepEqual(clones({ body: undefined }), [true, 0]);
  assert.deepEqual(clones({ method: "GET", body: undefined }), [true, 0]);
  // It may be paid in another header.
  assert.deepEqual(clones({ headers: { authorization: "own" } }), [true, 1]);
  assert.deepEqual(clones({ headers: { authorization: "own", "payment-signature": "own" } }), [false, 0]);
  assert.deepEqual(clones({ method: "OPTIONS" }), [false, 0]);
  assert.deepEqual(clones({}, { body: "other" }), [true, 0]);
  assert.deepEqual(clones({}, { body: null }), [true, 1]);
  assert.deepEqual(clones({}, { body: new ReadableStream(), duplex: "half" }), [false, 0]);

  let cancelled;
  const request = new Request(URL_, {
    method: "POST",
    duplex: "half",
    body: new ReadableStream({
      cancel() {
        cancelled = true;
      },
    }),
  });
  const { call } = read(request);
  call.hold();
  call.drop();
  call.drop();
  await request.body.cancel();
  assert.equal(cancelled, true);
});

test("fetch itself refuses a Request whose body was read", async () => {
  const request = new Request(URL_, { method: "POST", body: "x" });
  await request.text();
  const call = readCall(request, undefined, { fetch });
  assert.equal(call.replayable, false);
  const own = await fetch(request).catch((error) => error);
  const ours = await call.send().catch((error) => error);
  assert.equal(ours.constructor, TypeError);
  assert.equal(ours.message, own.message);
});

test("fetch itself refuses a bad URL and a bad init, with a token too", async () => {
  const rows = [
    ["nonsense"],
    ["/relative"],
    [URL_, { method: "GET", body: "x" }],
    [URL_, { headers: { "a b": "c" } }],
    [URL_, { headers: [["a"]] }],
    [URL_, { headers: 5 }],
    [URL_, 5],
    ["https://user:pass@example.com/"],
    [URL_, { mode: "navigate" }],
  ];
  for (const args of rows) {
    const own = await fetch(...args).catch((error) => error);
    for (const token of [undefined, "L402 t:p"]) {
      if (token && args[1] === 5) continue; // an init that is none is dropped where we bring our own
      const ours = await readCall(...args, ...(args.length === 1 ? [undefined] : []), { fetch })
        .send(token)
        .catch((error) => error);
      assert.equal(ours.constructor, own.constructor);
      assert.equal(ours.message, own.message);
    }
  }
});

test("a Request of another realm or version is recognised by its shape", async () => {
  const foreign = {
    url: URL_,
    method: "POST",
    headers: new Headers({ a: "b" }),
    body: {},
    bodyUsed: false,
    clone() {
      return { ...this, cloned: true };
    },
  };
  const { call, calls } = read(foreign);
  assert.deepEqual([call.method, call.url, call.replayable], ["POST", URL_, true]);
  await call.send();
  await call.send("L402 t:p", true);
  assert.equal(calls[0][0], foreign);
  assert.equal(calls[1][0].cloned, true);
  assert.deepEqual(Object.fromEntries(calls[1][1].headers), { a: "b", authorization: "L402 t:p" });
});

test("an init whose members are inherited, a Request for one", async () => {
  const rows = [
    Object.create({ method: "PUT", headers: { a: "b" } }),
    new (class {
      get method() {
        return "PUT";
      }
      get headers() {
        return { a: "b" };
      }
    })(),
    new Request(URL_, { method: "PUT", headers: { a: "b" } }),
  ];
  for (const init of rows) {
    const { call, calls } = read(URL_, init);
    await call.send("L402 t:p");
    assert.deepEqual(await meaning(calls[0]), {
      method: "PUT",
      headers: { a: "b", authorization: "L402 t:p" },
      body: "",
    });
  }
});

test("a repeat bypasses the HTTP cache if there is one", async (t) => {
  t.after(() => {
    delete globalThis.document;
    delete globalThis.importScripts;
    delete globalThis.WebSocketPair;
  });
  const cacheOf = async (authorization, init) => {
    const { call, calls } = read(URL_, init);
    await call.send();
    await call.send(authorization, true);
    assert.equal(calls[0][1], init);
    return calls[1][1]?.cache;
  };
  assert.equal(await cacheOf("L402 t:p"), undefined);
  assert.equal(await cacheOf("L402 t:p", { cache: "force-cache" }), "force-cache");
  globalThis.importScripts = () => {};
  assert.equal(await cacheOf("L402 t:p"), "no-store");
  globalThis.WebSocketPair = class {};
  assert.equal(await cacheOf("L402 t:p"), undefined);
  delete globalThis.importScripts;
  delete globalThis.WebSocketPair;
  globalThis.document = { baseURI: "https://page.example/" };
  assert.equal(await cacheOf("L402 t:p"), "no-store");
  assert.equal(await cacheOf("L402 t:p", { cache: "force-cache" }), "no-store");
  assert.equal(await cacheOf(undefined), "no-store");
});

test("a request with a token asks the server, even if the HTTP cache holds a 402", async (t) => {
  t.after(() => {
    delete globalThis.document;
  });
  const cacheOf = async (authorization, init) => {
    const { call, calls } = read(URL_, init);
    await call.send(authorization);
    return calls[0][1]?.cache;
  };
  assert.equal(await cacheOf("L402 t:p"), undefined);
  globalThis.document = { baseURI: "https://page.example/" };
  assert.equal(await cacheOf("L402 t:p"), "no-cache");
  assert.equal(await cacheOf("L402 t:p", { cache: "force-cache" }), "no-cache");
  assert.equal(await cacheOf("L402 t:p", { cache: "reload" }), "reload");
  assert.equal(await cacheOf("L402 t:p", { cache: "no-store" }), "no-store");
  assert.equal(await cacheOf(undefined), undefined);
});

test("multipart and form bodies go out as plain fetch sends them", async (t) => {
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    response.end(
      JSON.stringify({
        type: request.headers["content-type"] ?? null,
        length: request.headers["content-length"] ?? null,
        body,
      }),
    );
  });
  const { url: origin, close } = await listen(server);
  t.after(close);
  const url = `${origin}/`;
  const form = new FormData();
  form.append("text", "välue");
  form.append("file", new File(["content"], "name.txt", { type: "text/plain" }));
  const normal = ({ type, length, body }) => {
    const boundary = /boundary=(.*)$/.exec(type ?? "")?.[1];
    if (boundary) assert.ok(body.includes(`--${boundary}`));
    return {
      type: boundary ? type.replace(boundary, "B") : type,
      length,
      body: boundary ? body.replaceAll(boundary, "B") : body,
    };
  };
  for (const body of [
    form,
    new URLSearchParams({ a: "ü" }),
    "text",
    new Blob(["x"], { type: "image/png" }),
    new Uint8Array([65]),
    undefined,
  ]) {
    const init = { method: "POST", body };
    const plain = normal(await (await fetch(url, init)).json());
    const call = readCall(url, init, { fetch });
    for (const args of [[], ["L402 t:p", true], ["L402 t:p", true], [undefined, true]]) {
      const sent = normal(await (await call.send(...args)).json());
      assert.deepEqual(sent, plain);
    }
  }
  const made = () => new Request(url, { method: "POST", body: form });
  const plain = normal(await (await fetch(made())).json());
  const call = readCall(made(), undefined, { fetch });
  for (const args of [[], ["L402 t:p", true]])
    assert.equal(normal(await (await call.send(...args)).json()).body, plain.body);
});
