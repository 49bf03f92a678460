// Redirects followed by hand are compared with the runtime's own, on a real server. They may differ only in what goes
// to another origin.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import test, { after, before } from "node:test";
import { bodyOf, listen } from "../support/listen.mjs";
import { readCall } from "./calls.mjs";

let servers;
let home;
let away;

/** Answers with the request that it got. `/go?status=…&to=…` redirects, and `/loop` redirects for ever. */
const openServer = () =>
  listen(
    createServer(async (request, response) => {
      const body = await bodyOf(request);
      const { pathname, searchParams } = new URL(request.url, "http://x");
      if (pathname === "/loop") return response.writeHead(302, { location: "/loop" }).end();
      if (pathname === "/count") {
        const left = Number(searchParams.get("left"));
        return left > 0
          ? response.writeHead(302, { location: `/count?left=${left - 1}` }).end("body of a redirect")
          : response.end("done");
      }
      if (pathname === "/go") {
        const headers = searchParams.has("to") ? { location: searchParams.get("to") } : {};
        return response.writeHead(Number(searchParams.get("status")), headers).end("body of a redirect");
      }
      const {
        authorization = null,
        cookie = null,
        "content-type": type = null,
        "content-language": language = null,
        a = null,
        "payment-signature": signature = null,
        "payment-authorization": payment = null,
      } = request.headers;
      response.writeHead(pathname === "/pay" ? 402 : 200).end(
        JSON.stringify({
          url: request.url,
          method: request.method,
          body,
          authorization,
          cookie,
          type,
          language,
          a,
          signature,
          payment,
        }),
      );
    }),
  );

before(async () => {
  servers = await Promise.all([openServer(), openServer()]);
  [home, away] = servers.map(({ url }) => url);
});
after(() => Promise.all(servers.map(({ close }) => close())));

const go = (status, to) => `${home}/go?status=${status}${to === undefined ? "" : `&to=${encodeURIComponent(to)}`}`;

/** By hand and by the runtime. */
function both(url, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("authorization", "L402 t:p");
  return [readCall(url, init, { fetch, forwards: true }).send("L402 t:p"), fetch(url, { ...init, headers })];
}

async function same(url, init) {
  const [ours, own] = await Promise.all(both(url, init));
  for (const key of ["status", "url", "redirected"]) assert.equal(ours[key], own[key], `${key} of ${url}`);
  const text = await ours.text();
  assert.equal(text, await own.text());
  return text;
}

test("each status and method is redirected as fetch does it, to the same origin and to another", async () => {
  for (const status of [300, 301, 302, 303, 304, 305, 307, 308]) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]) {
      for (const to of ["/x?y", `${away}/x`]) {
        const body = ["POST", "PUT", "PATCH"].includes(method) ? "payload" : undefined;
        await same(go(status, to), {
          method,
          body,
          headers: { a: "b", "content-language": "en", "content-type": "text/x", cookie: "c=d" },
        });
      }
    }
  }
});

test("the token stays at its origin, even if a later hop leads back", async () => {
  const there = JSON.parse(await same(go(307, `${away}/x`), { headers: { cookie: "c=d", a: "b" } }));
  assert.deepEqual([there.authorization, there.cookie, there.a], [null, null, "b"]);
  const back = JSON.parse(await same(go(302, `${away}/go?status=302&to=${encodeURIComponent(`${home}/x`)}`)));
  assert.equal(back.authorization, null);
  const here = JSON.parse(await same(go(302, "/x")));
  assert.equal(here.authorization, "L402 t:p");
});

test("a body of any kind goes along with 307 and 308", async () => {
  const form = new FormData();
  form.append("k", "v");
  const send = (input, init) =>
    readCall(input, init, { fetch, forwards: true })
      .send("L402 t:p")
      .then((response) => response.json());
  // Node 20's own fetch fails here with bytes.
  for (const [body, type] of [
    ["A", "text/plain;charset=UTF-8"],
    [new Uint8Array([65]), null],
    [new Blob(["A"], { type: "image/png" }), "image/png"],
  ]) {
    const sent = await send(go(307, "/x"), { method: "PUT", body });
    assert.deepEqual([sent.method, sent.body, sent.type], ["PUT", "A", type]);
  }
  assert.match((await send(go(308, "/x"), { method: "POST", body: form })).body, /name="k"\r\n\r\nv\r\n/);

  const request = (status) =>
    new Request(go(status, `${away}/x`), { method: "POST", body: "payload", headers: { a: "b" } });
  const kept = await send(request(307));
  assert.deepEqual(
    [kept.method, kept.body, kept.a, kept.type, kept.authorization],
    ["POST", "payload", "b", "text/plain;charset=UTF-8", null],
  );
  const dropped = await send(request(303));
  assert.deepEqual([dropped.method, dropped.body, dropped.a, dropped.type], ["GET", "", "b", null]);
});

test("a redirected Request can still be repeated", async () => {
  const call = readCall(new Request(go(303, "/x"), { method: "POST", body: "payload" }), undefined, {
    fetch,
    forwards: true,
  });
  for (let i = 0; i < 3; i++) assert.equal((await (await call.send("L402 t:p", i > 0)).json()).method, "GET");
  assert.equal(call.replayable, true);
});

test("no Location is no redirect, and a 402 at the end is a 402", async () => {
  assert.equal(await same(go(302)), "body of a redirect");
  const response = await readCall(go(302, "/pay#frag"), undefined, { fetch, forwards: true }).send("L402 t:p");
  assert.deepEqual([response.status, response.url.split("#")[0], response.redirected], [402, `${home}/pay`, true]);
});

test("at most twenty hops are followed", async () => {
  assert.equal(await same(`${home}/count?left=20`), "done");
  for (const url of [`${home}/count?left=21`, `${home}/loop`]) {
    const [ours, own] = (await Promise.allSettled(both(url))).map(({ reason }) => reason);
    assert.equal(ours.constructor, own.constructor);
    assert.equal(ours.message, "fetch failed: too many redirects");
  }
});

test("a redirect to nowhere is fetch's TypeError", async () => {
  for (const [to, message] of [
    ["http://", "fetch failed: redirected to an invalid URL"],
    ["ftp://a.b/", "fetch failed: redirected to a URL that is not http"],
    ["data:text/plain,x", "fetch failed: redirected to a URL that is not http"],
  ]) {
    const [ours, own] = (await Promise.allSettled(both(go(302, to)))).map(({ reason }) => reason);
    assert.equal(ours.constructor, own.constructor, to);
    assert.equal(ours.message, message);
  }
});

test("redirects are followed by hand only with a token of ours, and only if the caller wants them followed", async () => {
  const seen = async (input, init, authorization, by = true) => {
    let given;
    const fetch = async (_, sent) => {
      given = sent?.redirect;
      return new Response();
    };
    await readCall(input, init, { fetch, forwards: by }).send(authorization);
    return given;
  };
  assert.equal(await seen(home, undefined, "L402 t:p"), "manual");
  assert.equal(await seen(home, { redirect: "follow" }, "L402 t:p"), "manual");
  assert.equal(await seen(home, { redirect: "error" }, "L402 t:p"), "error");
  assert.equal(await seen(home, { redirect: "manual" }, "L402 t:p"), "manual");
  assert.equal(await seen(new Request(home, { redirect: "error" }), {}, "L402 t:p"), undefined);
  assert.equal(await seen(home, {}, undefined), undefined);
  assert.equal(await seen(home, undefined, "L402 t:p", false), undefined);
  const manual = await readCall(go(302, "/x"), { redirect: "manual" }, { fetch, forwards: true }).send("L402 t:p");
  assert.equal(manual.status, 302);
  await manual.text();
});

test("the caller's abort ends the second hop as well, by identity", async () => {
  const controller = new AbortController();
  const reason = new Error("mine");
  const call = readCall(
    go(302, "/x"),
    { signal: controller.signal },
    {
      forwards: true,
      fetch: (input, init) => {
        if (String(input).endsWith("/x")) controller.abort(reason);
        return fetch(input, init);
      },
    },
  );
  await assert.rejects(call.send("L402 t:p"), (error) => error === reason);
});

const PAYMENTS = [
  ["payment-signature", "signature"],
  ["payment-authorization", "payment"],
];

test("a payment in a header of its own stays at its origin, in every runtime", async () => {
  for (const [field, member] of PAYMENTS) {
    const paid = async (url, init) => {
      const response = await readCall(url, init, { fetch }).sent({ field, value: "proof" });
      return JSON.parse(await response.text());
    };
    const own = { headers: { authorization: "Bearer own" } };
    const here = await paid(go(307, "/x"), own);
    assert.deepEqual([here[member], here.authorization], ["proof", "Bearer own"]);
    const there = await paid(go(307, `${away}/x`), own);
    assert.deepEqual([there[member], there.authorization], [null, null]);
    const back = await paid(go(302, `${away}/go?status=302&to=${encodeURIComponent(`${home}/x`)}`));
    assert.equal(back[member], null);
    const moved = await paid(go(308, "/x"), { method: "POST", body: "payload" });
    assert.deepEqual([moved[member], moved.body], ["proof", "payload"]);
  }
});

test("where no one learns where a redirect leads, the request goes there without the payment", async () => {
  for (const input of [go(302, "/x"), new Request(go(307, "/x"), { method: "POST", body: "payload" })]) {
    const calls = [];
    const asPageDoes = async (target, init) => {
      calls.push(new Headers(init?.headers).get("payment-signature"));
      if (init?.redirect !== "manual") return fetch(target, init);
      await fetch(target, init).then((response) => response.text());
      return Object.defineProperty(Response.error(), "type", { value: "opaqueredirect" });
    };
    const call = readCall(input, undefined, { fetch: asPageDoes });
    call.hold();
    const response = await call.sent({ field: "payment-signature", value: "proof" });
    const seen = JSON.parse(await response.text());
    assert.deepEqual([calls, seen.signature, seen.url], [["proof", null], null, "/x"]);
    assert.equal(seen.body, typeof input === "string" ? "" : "payload");
  }
});

test("a payment for the address that a redirect led to goes there at once", async () => {
  const calls = [];
  const counting = (target, init) => {
    calls.push(target.url ?? target);
    return fetch(target, init);
  };
  const init = { headers: { a: "b" } };
  for (const input of [go(302, "/x"), new URL(go(302, "/x")), new Request(go(302, "/x"), init)]) {
    const call = readCall(input, input instanceof Request ? undefined : init, { fetch: counting });
    const response = await call.sent({ field: "payment-signature", value: "proof" }, true, `${home}/x`);
    const seen = JSON.parse(await response.text());
    assert.deepEqual([calls.splice(0), seen.signature, seen.a], [[`${home}/x`], "proof", "b"]);
  }
});

test("a redirect whose body is a stream of Node's, as node-fetch gives it, is followed", async () => {
  const asNodeFetchDoes = async (target, init) => {
    const response = await fetch(target, init);
    return Object.defineProperty(response, "body", { value: Readable.fromWeb(response.body) });
  };
  const call = readCall(go(302, "/x"), undefined, { fetch: asNodeFetchDoes });
  const response = await call.sent({ field: "payment-signature", value: "proof" });
  assert.equal(response.status, 200);
});

test("with an integrity of the caller's, a payment follows no redirect: the hash is that of the last answer", async () => {
  const given = [];
  const fetch = async (_, init) => {
    given.push([init.redirect, init.integrity]);
    return new Response();
  };
  const integrity = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  await readCall(home, { integrity }, { fetch }).sent({ field: "payment-signature", value: "proof" });
  await readCall(new Request(home, { integrity }), undefined, { fetch }).sent({
    field: "payment-signature",
    value: "proof",
  });
  assert.deepEqual(given, [
    ["error", integrity],
    ["error", undefined],
  ]);
});
