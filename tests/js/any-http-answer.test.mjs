// Any answer of a node, or of a proxy before it. A wallet module reports "not paid" only if its table says so. It
// passes on no text as a preimage that can't be one, and shows the credential to nobody.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { cln } from "../../src/js/wallets/cln.js";
import { lnbits } from "../../src/js/wallets/lnbits.js";
import { lnd } from "../../src/js/wallets/lnd.js";
import { nwc } from "../../src/js/wallets/nwc.js";
import { phoenixd } from "../../src/js/wallets/phoenixd.js";

const HASH = "ab".repeat(32);
const PREIMAGE = "0123456789abcdef".repeat(4);
const SECRET = "5ec2e75ec2e75ec2e75ec2e7";
// As it stands in phoenixd's header: a proxy may repeat what it was sent.
const BASIC = btoa(`:${SECRET}`);
const invoice = { paymentRequest: "lnbcrt1invoice", paymentHash: HASH };
const context = { url: "https://a.example/", maxFeeMsat: 5000, signal: undefined };

const TURNED_AWAY = [0, 301, 302, 303, 307, 308, 401, 403, 404, 405, 406, 413, 415, 421, 429, 431];
const object = (value) => (value !== null && typeof value === "object" ? value : {});
const parsed = (text) => {
  try {
    return object(JSON.parse(text));
  } catch {
    return {};
  }
};
const lines = (text) =>
  text
    .split("\n")
    .filter((line) => line.trim())
    .map(parsed);

/**
 * For each module: how it is made, and whether its table calls an answer failed (for `pay` and for `lookup`).
 */
const MODULES = {
  lnd: {
    make: (options) => lnd({ ...options, macaroon: SECRET }),
    failed: (status, text) =>
      status === 200
        ? lines(text).some((line) => object(line.result).status === "FAILED" || isRefusal(line.error))
        : isRefusal(parsed(text).error ?? parsed(text)),
    gone: (status, text) =>
      status === 200
        ? object(lines(text)[0]?.result).status === "FAILED"
        : status === 404 && /payment isn't initiated/.test(text),
  },
  lnbits: {
    make: (options) => lnbits({ ...options, adminKey: SECRET }),
    failed: (status, text) => [201, 520].includes(status) && parsed(text).status === "failed",
    gone: (status, text) =>
      status === 200
        ? parsed(text).paid === false && parsed(text).status === "failed"
        : status === 404 && parsed(text).detail === "Payment does not exist.",
  },
  phoenixd: {
    make: (options) => phoenixd({ ...options, password: SECRET }),
    failed: (status, text) =>
      status === 400 ||
      (status === 200 &&
        typeof parsed(text).reason === "string" &&
        !/already been paid|in progress|unknown error|wallet restarted/.test(parsed(text).reason)),
    gone: (status, text) =>
      status === 204 ||
      (status === 404 && text.trim() === "Not found") ||
      (status === 200 && parsed(text).isPaid === false && !!parsed(text).completedAt),
  },
  cln: {
    make: (options) => cln({ ...options, rune: SECRET }),
    failed: (status, text) =>
      status !== 201 && [-32601, -32602].includes(object(parsed(text).error ?? parsed(text)).code),
    gone: (status, text) =>
      status === 201 &&
      Array.isArray(parsed(text).pays) &&
      parsed(text)
        .pays.filter((pay) => pay?.payment_hash === HASH)
        .every((pay) => pay.status === "failed"),
  },
};
const isRefusal = (error) =>
  /^(invoice expired|invoice not for|permission denied|verification failed|expected 1 macaroon|empty macaroon|cannot determine|unmarshal|wallet locked|wallet not created|waiting to start|the RPC server)/.test(
    object(error).message,
  );

const words = fc.oneof(
  fc.constantFrom(
    PREIMAGE,
    PREIMAGE.toUpperCase(),
    "0".repeat(64),
    btoa(String.fromCharCode(...new Uint8Array(32).fill(0xfb))),
    "x",
    "",
    "ab".repeat(33),
  ),
  fc.constantFrom(
    "SUCCEEDED",
    "FAILED",
    "IN_FLIGHT",
    "success",
    "failed",
    "pending",
    "complete",
    "Not found",
    "Payment does not exist.",
    "payment isn't initiated",
    "invoice is already paid",
    "permission denied",
    "invoice expired. x",
    "payment is in progress",
    "wallet restarted",
    "no route",
  ),
  fc.constantFrom(
    SECRET,
    `header Authorization: Basic ${BASIC}`,
    `FAILURE_REASON_${SECRET}`,
    `${"x".repeat(190)}${SECRET}`,
    `macaroon ${SECRET} is bad`,
  ),
  fc.string(),
);
const value = fc.oneof(
  { weight: 4, arbitrary: words },
  fc.constantFrom(0, 1, -1, 5, 6, 0.5, 1e300, -32601, -32602, 205, null, true, false),
  fc.jsonValue({ maxDepth: 1 }),
);
const key = fc.constantFrom(
  "status",
  "payment_preimage",
  "preimage",
  "paymentPreimage",
  "fee",
  "fee_msat",
  "failure_reason",
  "routingFeeSat",
  "fees",
  "reason",
  "detail",
  "error",
  "message",
  "code",
  "paid",
  "isPaid",
  "completedAt",
  "amount_msat",
  "amount_sent_msat",
  "payment_hash",
  "__proto__",
  "toString",
  "balance",
  "balanceSat",
);
const flat = fc.dictionary(key, value, { maxKeys: 5 });
const rows = fc.array(
  fc.oneof(
    flat.map((row) => ({ ...row, payment_hash: HASH })),
    value,
  ),
  { maxLength: 3 },
);
const state = fc.constantFrom("SUCCEEDED", "FAILED", "IN_FLIGHT", "success", "failed", "pending", "complete");
const nested = fc.oneof(
  flat,
  // close to what they do say
  fc.record({
    result: fc.record(
      { status: state, failure_reason: words, payment_preimage: words, fee_msat: value },
      { requiredKeys: ["status"] },
    ),
  }),
  fc.record({ error: fc.record({ code: value, message: words }) }),
  fc.record({ reason: words, paymentPreimage: words, routingFeeSat: value }, { requiredKeys: ["reason"] }),
  fc.record(
    {
      status: state,
      preimage: words,
      payment_preimage: words,
      detail: words,
      fee: value,
      amount_msat: value,
      amount_sent_msat: value,
    },
    { requiredKeys: ["status"] },
  ),
  fc.record({ result: fc.oneof(flat, value) }),
  fc.record({ error: fc.oneof(flat, value) }),
  fc.record({ pays: fc.oneof(rows, value), channels: fc.oneof(rows, value) }, { requiredKeys: [] }),
  fc.record(
    { paid: fc.boolean(), status: words, preimage: words, details: fc.oneof(flat, value) },
    { requiredKeys: ["paid"] },
  ),
);
const body = fc.oneof(
  { weight: 5, arbitrary: nested.map((json) => JSON.stringify(json)) },
  fc.array(nested, { maxLength: 3 }).map((list) => list.map((json) => JSON.stringify(json)).join("\n")),
  fc.json(),
  words,
  fc.string().map((text) => `<html>${text}`),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => new TextDecoder("latin1").decode(bytes)),
);
const status = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(200, 201, 204, 400, 404, 409, 500, 502, 520) },
  fc.constantFrom(...TURNED_AWAY.slice(1)),
  fc.integer({ min: 200, max: 599 }),
);
const type = fc.constantFrom("application/json", "text/html", "text/plain; charset=utf-16", "", "x");

/** A wallet to which every request is answered alike, its body in as many pieces. */
function wallet({ make }, status, text, type, pieces) {
  const empty = [101, 103, 204, 205, 304].includes(status);
  return make({
    url: "https://node.example",
    fetch: async () => {
      const bytes = new TextEncoder().encode(text);
      const length = Math.ceil(bytes.length / pieces) || 1;
      const stream = new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += length) controller.enqueue(bytes.subarray(at, at + length));
          controller.close();
        },
      });
      return new Response(empty ? null : stream, { status, headers: { "content-type": type } });
    },
  });
}

/** Every text that an error or an answer may show. */
function* texts(value, depth = 0) {
  if (value === null || typeof value !== "object" || depth > 4) return;
  if (value instanceof Error) yield* [value.message, String(value.stack)];
  if (typeof value.failed === "string") yield value.failed;
  yield* texts(value.cause, depth + 1);
}

function hidesSecret(name, value) {
  for (const text of texts(value))
    assert.ok(!text.includes(SECRET.slice(0, 12)) && !(name === "phoenixd" && text.includes(BASIC)), text);
}

const isPreimage = (text) => /^[0-9a-f]{64}$/.test(text) && !/^0+$/.test(text);
const isFee = (fee) => fee === undefined || (Number.isSafeInteger(fee) && fee >= 0);

for (const [name, module] of Object.entries(MODULES)) {
  test(`${name}: any HTTP answer to pay()`, async () => {
    await fc.assert(
      fc.asyncProperty(status, body, type, fc.integer({ min: 1, max: 4 }), async (status, text, type, pieces) => {
        let answer;
        try {
          answer = await wallet(module, status, text, type, pieces).pay(invoice, context);
        } catch (error) {
          assert.ok(error instanceof Error, String(error));
          return hidesSecret(name, error);
        }
        hidesSecret(name, answer);
        if ("failed" in answer) {
          assert.ok(typeof answer.failed === "string" && answer.failed && !("preimage" in answer));
          assert.ok(TURNED_AWAY.includes(status) || module.failed(status, text), `${status} is taken for failed`);
        } else {
          assert.ok(isPreimage(answer.preimage) && isFee(answer.feeMsat), JSON.stringify(answer));
          assert.ok([200, 201].includes(status) && /preimage/i.test(text));
        }
      }),
      { numRuns: 800 },
    );
  });

  test(`${name}: any HTTP answer to lookup()`, async () => {
    await fc.assert(
      fc.asyncProperty(status, body, type, fc.integer({ min: 1, max: 4 }), async (status, text, type, pieces) => {
        let answer;
        try {
          answer = await wallet(module, status, text, type, pieces).lookup(HASH);
        } catch (error) {
          assert.ok(error instanceof Error, String(error));
          return hidesSecret(name, error);
        }
        assert.ok(["paid", "pending", "failed", "not_found"].includes(answer.state), JSON.stringify(answer));
        if (answer.state === "paid") assert.ok(isPreimage(answer.preimage) && isFee(answer.feeMsat));
        if (/failed|not_found/.test(answer.state))
          assert.ok(module.gone(status, text), `${status} is taken for failed`);
      }),
      { numRuns: 800 },
    );
  });

  test(`${name}: any HTTP answer to balanceMsat()`, async () => {
    await fc.assert(
      fc.asyncProperty(status, body, type, async (status, text, type) => {
        try {
          const balance = await wallet(module, status, text, type, 1).balanceMsat();
          assert.ok(balance === null || (Number.isSafeInteger(balance) && balance >= 0), String(balance));
        } catch (error) {
          assert.ok(error instanceof Error, String(error));
          hidesSecret(name, error);
        }
      }),
      { numRuns: 500 },
    );
  });
}

test("if a request may have been sent twice, a refusal counts only with the wallet's records", async () => {
  for (const [name, { make }] of Object.entries(MODULES)) {
    for (const [answer, isFailed] of [
      [() => new Response("", { status: 403 }), true],
      [() => Promise.reject(new TypeError("fetch failed")), false],
    ]) {
      let asked = 0;
      // a fetch of the user's own may send as often as it likes; what it asks for first tells whether its answers can
      // be read
      const given = make({
        url: "https://node.example",
        fetch: async (url) =>
          new URL(url).pathname === "/"
            ? new Response("")
            : asked++ === 0
              ? new Response("", { status: 429 })
              : answer(),
      });
      const end = await given.pay(invoice, context).catch((error) => error);
      assert.equal("failed" in end, isFailed, name);
      assert.equal(asked, 2);
    }
  }
});

test("a rejected fetch leaves the outcome open, unless Node's error proves that nothing was sent", async (t) => {
  const { fetch } = globalThis;
  t.after(() => (globalThis.fetch = fetch));
  const code = fc.constantFrom(
    "ECONNREFUSED",
    "ENOTFOUND",
    "ECONNRESET",
    "EPIPE",
    "UND_ERR_SOCKET",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_CONNECT_TIMEOUT",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    undefined,
    5,
  );
  const syscall = fc.constantFrom("connect", "getaddrinfo", "read", "write", undefined);
  const cause = fc.oneof(
    fc.record({ code, syscall, message: words }).map(({ message, ...more }) => Object.assign(new Error(message), more)),
    fc
      .record({ code, syscall })
      .map((more) => new TypeError("fetch failed", { cause: Object.assign(new Error("x"), more) })),
    fc.constantFrom(undefined, null, 0, "gone", {}),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.values(MODULES)),
      cause,
      fc.boolean(),
      async ({ make }, cause, given) => {
        const rejects = () => Promise.reject(cause);
        if (!given) globalThis.fetch = rejects;
        const wallet = make({ url: "https://node.example", ...(given && { fetch: rejects }) });
        globalThis.fetch = fetch;
        const told = [cause, cause?.cause].some(
          (error) =>
            ["connect", "getaddrinfo"].includes(error?.syscall) ||
            ["UND_ERR_CONNECT_TIMEOUT", "DEPTH_ZERO_SELF_SIGNED_CERT"].includes(error?.code),
        );
        const ended = await wallet.pay(invoice, context).then(
          (answer) => Object.keys(answer).includes("failed"),
          (error) => {
            assert.ok(error instanceof Error);
            return false;
          },
        );
        assert.equal(ended, told && !given);
      },
    ),
  );
});

test("nwc: any value that a client answers or throws", async () => {
  const refusal = fc.constantFrom("INSUFFICIENT_BALANCE", "QUOTA_EXCEEDED", "RESTRICTED", "UNAUTHORIZED");
  const code = fc.oneof(
    refusal,
    fc.constantFrom("PAYMENT_FAILED", "INTERNAL", "NOT_FOUND", "OTHER", "RATE_LIMITED", undefined, 5),
    fc.string(),
  );
  const thrown = fc.oneof(
    code.map((code) => Object.assign(new Error("x"), { code })),
    fc.constantFrom(undefined, null, 0, "gone"),
  );
  const answer = fc.oneof(
    fc.record(
      {
        preimage: words,
        fees_paid: value,
        state: fc.constantFrom("settled", "failed", "pending", "x"),
        type: fc.constantFrom("outgoing", "incoming"),
      },
      { requiredKeys: [] },
    ),
    value,
  );
  const outcome = fc.oneof(
    answer.map((value) => ({ value })),
    thrown.map((error) => ({ error })),
  );
  const settle = (outcome) => async () => {
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
  const refused = (error) => /^(INSUFFICIENT_BALANCE|QUOTA_EXCEEDED|RESTRICTED|UNAUTHORIZED)$/.test(error?.code);
  await fc.assert(
    fc.asyncProperty(outcome, outcome, outcome, async (first, second, found) => {
      let tries = 0;
      const wallet = nwc({ payInvoice: () => settle(tries++ === 0 ? first : second)(), lookupInvoice: settle(found) });
      for (const outcome of [first, second]) {
        const end = await wallet.pay(invoice, context).catch((error) => ({ error }));
        if (end.failed) {
          assert.ok(refused(outcome.error), JSON.stringify(outcome));
        } else if (!("error" in end)) assert.ok(isPreimage(end.preimage) && isFee(end.feeMsat));
      }
      const looked = await wallet.lookup(HASH).catch((error) => ({ error }));
      if (looked.state === "failed") assert.equal(found.value?.state, "failed");
      if (looked.state === "not_found") assert.equal(found.error?.code, "NOT_FOUND");
      if (looked.state === "paid") assert.ok(isPreimage(looked.preimage) && isFee(looked.feeMsat));
    }),
    { numRuns: 1000 },
  );
});
