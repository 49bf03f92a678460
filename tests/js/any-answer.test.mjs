// Any answer of a wallet. The amount counts as spent unless it is certain that nothing moved. Nothing is paid twice.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { challenge } from "../support/mint.mjs";
import { walletMethod } from "../../src/js/core/options.js";
import { readWallet as readAs } from "../../src/js/core/wallet.js";

const readWallet = (wallet) => readAs(wallet, walletMethod(wallet));

const { createFetch, L402Error } = await import("../../dist/node.js");

const SECRET = Buffer.alloc(32, 0xfb);
const HEX = SECRET.toString("hex");
const HASH = createHash("sha256").update(SECRET).digest();
const PROOFS = [
  HEX,
  HEX.toUpperCase(),
  SECRET.toString("base64"),
  SECRET.toString("base64url"),
  SECRET.toString("base64").replace("=", ""),
  ` ${HEX}\n`,
];
const ZEROS = ["0".repeat(64), "0"];
const WRONG = [
  "ab".repeat(32),
  HEX.slice(2),
  "lnbcrt1invoice",
  "true",
  "☃",
  "\0",
  Buffer.alloc(32, 1).toString("base64"),
];
const PREIMAGE_KEYS = ["preimage", "payment_preimage", "preImage", "paymentPreimage"];

const texts = fc.oneof(fc.constantFrom(...PROOFS, ...ZEROS, ...WRONG, ""), fc.string());
const fees = fc.constantFrom(
  0,
  1,
  999,
  2 ** 53 - 1,
  2 ** 53,
  1e300,
  -1,
  -0,
  0.5,
  NaN,
  Infinity,
  5n,
  "5",
  null,
  undefined,
  {},
  [],
);
const odd = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    false,
    true,
    0,
    NaN,
    -0,
    2 ** 53,
    1n,
    "",
    [],
    {},
    () => HEX,
    Symbol("x"),
    new Uint8Array(SECRET),
    new Error("x"),
    new Date(0),
    new Map([["preimage", HEX]]),
  ),
  fc.anything({ maxDepth: 1 }),
);
const members = fc.record(
  {
    preimage: fc.oneof(texts, odd),
    payment_preimage: fc.oneof(texts, odd),
    preImage: texts,
    paymentPreimage: texts,
    failed: fc.oneof(fc.constantFrom("no route", "", true, new Error("no")), fc.string(), odd),
    cause: odd,
    feeMsat: fees,
    fees_paid: fees,
  },
  { requiredKeys: [] },
);
const answers = fc.oneof({ weight: 5, arbitrary: members }, { weight: 2, arbitrary: texts }, odd);

/** The same answer in other kinds of objects. Code that reads properties sees no difference. */
const isPlain = (value) =>
  value !== null &&
  typeof value === "object" &&
  Object.getPrototypeOf(value) === Object.prototype &&
  typeof value.then !== "function";
const clothes = fc.constantFrom(
  (answer) => answer,
  async (answer) => answer,
  (answer) => ({ then: (done) => done(answer) }),
  (answer) => ({
    then: (done, fail) => {
      done(answer);
      done({ preimage: HEX });
      fail(new Error("late"));
    },
  }),
  (answer) => ({
    then: (done) => {
      done(answer);
      throw new Error("late");
    },
  }),
  (answer) => new Promise((done) => setTimeout(done, 1, { then: (then) => then(answer) })),
  (answer) => (isPlain(answer) ? new Proxy(answer, {}) : answer),
  (answer) => (isPlain(answer) ? Object.freeze(Object.create(answer)) : answer),
  (answer) => (isPlain(answer) ? Object.assign(Object.create(null), answer) : answer),
  (answer) => (isPlain(answer) ? Object.assign(runInNewContext("({})"), answer) : answer),
  (answer) =>
    isPlain(answer)
      ? Object.defineProperties(
          {},
          Object.fromEntries(Object.keys(answer).map((key) => [key, { get: () => answer[key] }])),
        )
      : answer,
);
const isFee = (value) => Number.isSafeInteger(value) && value >= 0;

/** What an answer means, in plain words: `{ proof, fee }`, `{ failed }`, `{ word }` or `{}`. */
function meaning(answer) {
  if (answer === true) return { word: true };
  if (typeof answer === "string") return answer ? { proof: answer } : {};
  if (answer === null || typeof answer !== "object") return {};
  const proof = PREIMAGE_KEYS.map((key) => answer[key]).find((text) => typeof text === "string" && text !== "");
  if (typeof answer.failed === "string" && answer.failed && (proof === undefined || /^0+$/.test(proof)))
    return { failed: answer.failed, cause: answer.cause };
  return proof === undefined ? {} : { proof, fee: [answer.feeMsat, answer.fees_paid].find(isFee) };
}

/** A call whose 402 is for the one invoice, and what became of it. */
async function buy(wallet, options = {}) {
  const sent = [];
  let asked = 0;
  const header = challenge(HASH);
  const pay = createFetch({
    wallet,
    limits: { perPayment: 100 },
    networks: ["regtest"],
    fetch: async (_, init) => {
      const authorization = new Headers(init?.headers).get("authorization");
      if (authorization) sent.push(authorization);
      else asked++;
      return authorization
        ? new Response("sunny")
        : new Response("pay first", { status: 402, headers: { "www-authenticate": header } });
    },
    ...options,
  });
  const end = await pay("http://localhost/x").then(
    (response) => response.status,
    (error) => error,
  );
  const [payment, ...others] = await pay.payments();
  assert.equal(others.length, 0);
  const { total } = await pay.spent();
  const again = () =>
    pay("http://localhost/x").then(
      (response) => response.status,
      (error) => error,
    );
  return { pay, end, payment, total, sent, asked, again, token: /macaroon="([^"]+)"/.exec(header)[1] };
}

const quiet = (error) => {
  for (const text of [error.message, error.stack])
    assert.ok(!text.toLowerCase().includes(HEX) && !text.includes(SECRET.toString("base64url").slice(0, 40)), text);
};

test("whatever pay() answers ends in one of: paid and proven, failed for certain, or open and counted", async () => {
  const kinds = {};
  await fc.assert(
    fc.asyncProperty(answers, clothes, fc.constantFrom("preimage", "none"), async (answer, clothe, proof) => {
      let calls = 0;
      const asked = () => {
        calls++;
        return clothe(answer);
      };
      const { end, payment, total, sent, again, token } = await buy(asked, { proof });
      const meant = meaning(answer);
      const isProof = PROOFS.includes(meant.proof) || PROOFS.includes(meant.proof?.trim());
      if (isProof || (meant.word && proof === "none")) {
        assert.equal(end, 200);
        assert.deepEqual(sent, [isProof ? `L402 ${token}:${HEX}` : `L402 ${token}`]);
        // a sum stays at the largest number
        const spent = Math.min(10_000 + (meant.fee || 0), Number.MAX_SAFE_INTEGER);
        assert.deepEqual([payment.state, payment.feeMsat, total], ["paid", meant.fee || 0, Math.ceil(spent / 1000)]);
        assert.equal(await again(), 200);
      } else {
        assert.ok(end instanceof L402Error, String(end));
        quiet(end);
        assert.deepEqual(sent, []);
        const code =
          "failed" in meant
            ? "payment_failed"
            : meant.proof === undefined || end.code === "no_preimage"
              ? "no_preimage"
              : "wrong_preimage";
        assert.equal(end.code, code);
        if (code === "wrong_preimage")
          assert.ok(/^\s*([0-9a-f]{64}|[\w+/-]{43}=?)\s*$/i.test(meant.proof), meant.proof);
        assert.deepEqual([payment.state, total], "failed" in meant ? ["failed", 0] : ["unknown", 10]);
        if ("failed" in meant && meant.cause !== undefined) assert.ok(Object.is(end.cause, meant.cause));
        // what failed may be tried again, what is open may not
        const next = await again();
        assert.equal(next.code, "failed" in meant ? "payment_failed" : "payment_unknown");
      }
      assert.equal(calls, "failed" in meant ? 2 : 1);
      kinds[end.code ?? "paid"] = true;
    }),
    { numRuns: 600 },
  );
  assert.deepEqual(Object.keys(kinds).sort(), ["no_preimage", "paid", "payment_failed", "wrong_preimage"]);
});

test("whatever pay() throws, and wherever an answer throws, leaves the payment open and is the cause", async () => {
  const throwing = fc.constantFrom(
    (cause) => {
      throw cause;
    },
    (cause) => Promise.reject(cause),
    (cause) => ({
      get then() {
        throw cause;
      },
    }),
    (cause) => ({
      then() {
        throw cause;
      },
    }),
    (cause) => ({
      then: (done, fail) => {
        fail(cause);
        done(HEX);
      },
    }),
    (cause) => ({ then: (_done, fail) => setTimeout(fail, 1, cause) }),
    (cause) => ({
      get preimage() {
        throw cause;
      },
    }),
    (cause) => ({
      preimage: HEX,
      get failed() {
        throw cause;
      },
    }),
    (cause) => ({
      failed: "no",
      get cause() {
        throw cause;
      },
    }),
    (cause) => ({
      preimage: HEX,
      get feeMsat() {
        throw cause;
      },
    }),
    (cause) =>
      new Proxy(
        {},
        {
          get() {
            throw cause;
          },
        },
      ),
    (cause) =>
      new Proxy(
        { failed: "no" },
        {
          has() {
            throw cause;
          },
        },
      ),
  );
  await fc.assert(
    fc.asyncProperty(throwing, odd, async (make, cause) => {
      let calls = 0;
      const asked = () => {
        calls++;
        return make(cause);
      };
      const { end, payment, total, sent, again } = await buy(asked);
      assert.equal(end.code, "payment_unknown");
      assert.ok(Object.is(end.cause, cause));
      quiet(end);
      assert.deepEqual([payment.state, total, sent], ["unknown", 10, []]);
      assert.equal((await again()).code, "payment_unknown");
      assert.equal(calls, 1);
    }),
    { numRuns: 300 },
  );
});

test("whatever lookup() answers, an open payment is settled only by a proof or by failed", async () => {
  const states = fc.record(
    {
      state: fc.oneof(fc.constantFrom("paid", "pending", "failed", "Failed", "settled", ""), odd),
      preimage: fc.oneof(texts, odd),
      feeMsat: fees,
    },
    { requiredKeys: ["state"] },
  );
  const outcomes = fc.oneof({ weight: 4, arbitrary: states }, odd);
  await fc.assert(
    fc.asyncProperty(outcomes, clothes, fc.boolean(), async (answer, clothe, throws) => {
      let calls = 0;
      let looks = 0;
      const wallet = {
        pay() {
          calls++;
          throw new Error("lost");
        },
        lookup() {
          looks++;
          if (throws) throw answer;
          return clothe(answer);
        },
      };
      const { end, payment, total, sent } = await buy(wallet);
      const { state, preimage, feeMsat } = answer !== null && typeof answer === "object" && !throws ? answer : {};
      assert.ok(looks >= 1);
      assert.equal(calls, 1);
      // a preimage that hashes is proof whatever stands beside it; any other that is none of zeros contradicts the
      // state
      const shown = typeof preimage === "string" && !/^0*$/.test(preimage);
      if (shown && PROOFS.includes(preimage)) {
        assert.deepEqual(
          [end, payment.state, payment.feeMsat, sent.length],
          [200, "paid", isFee(feeMsat) ? feeMsat || 0 : 0, 1],
        );
      } else if (state === "failed" && !shown) {
        assert.deepEqual([end.code, payment.state, total, sent.length], ["payment_failed", "failed", 0, 0]);
      } else {
        assert.deepEqual([end.code, payment.state, total, sent.length], ["payment_unknown", "unknown", 10, 0]);
        quiet(end);
      }
    }),
    { numRuns: 500 },
  );
});

test("whatever balanceMsat() and getBalance() answer, it is whole millisatoshis or null", async () => {
  const amounts = fc.oneof(fees, odd, fc.integer(), fc.double());
  await fc.assert(
    fc.asyncProperty(amounts, clothes, async (answer, clothe) => {
      const { pay } = await buy({ pay: () => HEX, balanceMsat: () => clothe(answer) });
      assert.equal(await pay.balanceMsat(), isFee(answer) ? answer : null);
    }),
    { numRuns: 200 },
  );
  const balances = fc.record(
    { balance: amounts, currency: fc.oneof(fc.constantFrom("sats", "sat", "SATS", "EUR", "msat", undefined), odd) },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(balances, odd), clothes, async (answer, clothe) => {
      const wallet = readWallet({ sendPayment: () => HEX, getBalance: () => clothe(answer) });
      const read = await wallet.balanceMsat();
      assert.ok(read === null || isFee(read), String(read));
      const { balance, currency = "sats" } = answer ?? {};
      if (read !== null)
        assert.ok(typeof balance === "number" && ["sats", "sat", "SATS"].includes(currency) && read === balance * 1000);
      else assert.ok(!(isFee(balance) && isFee(balance * 1000) && ["sats", "sat", "SATS"].includes(currency)));
    }),
    { numRuns: 500 },
  );
});

test("webln: only a user's refusal and a refused enable() are certain", async () => {
  const message = fc.oneof(
    fc.constantFrom(
      "User rejected",
      "user rejected the payment",
      "User rejectedness",
      "Prompt was closed",
      "no route: User rejected",
      "",
    ),
    fc.string(),
  );
  const errors = fc.oneof(
    fc
      .tuple(message, fc.constantFrom("Error", "RejectionError", "TypeError", ""))
      .map(([message, name]) => Object.assign(new Error(message), { name })),
    message,
    message.map((message) => ({ message })),
    odd,
  );
  await fc.assert(
    fc.asyncProperty(errors, fc.boolean(), async (error, early) => {
      const wallet = early
        ? {
            enable: async () => {
              throw error;
            },
            sendPayment: () => HEX,
          }
        : {
            enable() {},
            sendPayment: async () => {
              throw error;
            },
          };
      const { end, payment, total } = await buy(wallet);
      const text = typeof error === "string" ? error : error?.message;
      const certain =
        early || error?.name === "RejectionError" || (typeof text === "string" && /^user rejected(?!\w)/i.test(text));
      assert.equal(end.code, certain ? "payment_failed" : "payment_unknown");
      assert.ok(Object.is(end.cause, error));
      assert.deepEqual([payment.state, total], certain ? ["failed", 0] : ["unknown", 10]);
    }),
    { numRuns: 400 },
  );
});
