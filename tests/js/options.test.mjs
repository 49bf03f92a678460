import assert from "node:assert/strict";
import test from "node:test";
import { L402Error } from "../../src/js/core/error.js";
import { readOptions, readScope } from "../../src/js/core/options.js";

const wallet = () => "00";
const good = { wallet, limits: { perPayment: 100 } };
const MAX_SAT = 9007199254740;
const HOST = "must be an origin (https://api.example.com) or a host pattern (*.example.com:8443), without a path";

function refusal(options) {
  try {
    readOptions(options);
  } catch (error) {
    assert.ok(error instanceof L402Error, String(error));
    assert.equal(error.code, "invalid_options");
    return error.message;
  }
  return "accepted";
}

function refuses(rows) {
  for (const [options, message] of rows) assert.equal(refusal(options), message);
}

const withLimits = (limits) => ({ wallet, limits: { perPayment: 100, ...limits } });

test("the smallest options, and every default", () => {
  const { config, limits, store, approve, onEvent } = readOptions(good);
  assert.deepEqual(limits, [100, ...Array(13).fill(null)]);
  assert.deepEqual(config, {
    approveAbove: 0,
    networks: ["bitcoin"],
    hosts: null,
    insecureHosts: [],
    protocols: ["l402", "lsat", "mpp", "x402"],
    maxDeposit: null,
    proof: "preimage",
    paymentTimeout: 300000,
  });
  assert.deepEqual(config, JSON.parse(JSON.stringify(config)));
  assert.deepEqual([store, approve, onEvent], [undefined, undefined, undefined]);
});

test("every key reaches the core", async () => {
  const approve = () => true;
  const onEvent = () => {};
  const { config, ...rest } = readOptions({
    wallet: { pay: wallet, makeInvoice: wallet },
    approve,
    onEvent,
    now: () => 7,
    fetch: async () => "mine",
    limits: {
      perPayment: 0,
      perHour: 1,
      perDay: 2,
      total: MAX_SAT,
      payments: { perMinute: 3, perHour: 4, perDay: 5 },
      perOrigin: {
        total: 9,
        perDay: 8,
        perHour: 7,
        perPayment: 6,
        payments: { perDay: 12, perHour: 11, perMinute: 10 },
      },
    },
    approveAbove: 50,
    networks: ["regtest", "signet"],
    hosts: ["a.b"],
    insecureHosts: ["B.C:080"],
    protocols: ["x402"],
    sessions: { maxDeposit: 7 },
    proof: "none",
    paymentTimeout: 2147483647,
  });
  assert.deepEqual(rest.limits, [0, 1, 2, MAX_SAT, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(config, {
    approveAbove: 50,
    networks: ["regtest", "signet"],
    hosts: ["a.b"],
    insecureHosts: ["b.c:80"],
    protocols: ["x402"],
    maxDeposit: 7,
    proof: "none",
    paymentTimeout: 2147483647,
  });
  assert.equal(rest.approve, approve);
  assert.equal(rest.onEvent, onEvent);
  assert.equal(rest.now(), 7);
  assert.equal(await rest.fetch(), "mine");
});

test("unknown keys are errors that name the key and the one that was meant", () =>
  refuses([
    [{ ...good, hostz: [] }, "hostz is not a known option, did you mean hosts?"],
    [{ ...good, onevent() {} }, "onevent is not a known option, did you mean onEvent?"],
    [{ ...good, Wallet: 1 }, "Wallet is not a known option, did you mean wallet?"],
    [{ ...good, banana: 1 }, "banana is not a known option"],
    [{ ...good, x: undefined }, "x is not a known option"],
    [{ ...good, toString: 1 }, "toString is not a known option"],
    [{ ...good, ["__proto__"]: 1 }, "__proto__ is not a known option"],
    [
      { ...good, sessions: { maxDeposits: 5 } },
      "sessions.maxDeposits is not a known option, did you mean sessions.maxDeposit?",
    ],
    [{ ...good, sessions: {} }, "maxDeposit is missing"],
    [{ wallet, limits: { perPaymnet: 5 } }, "limits.perPaymnet is not a known option, did you mean limits.perPayment?"],
    [withLimits({ perhour: 5 }), "limits.perhour is not a known option, did you mean limits.perHour?"],
    [
      withLimits({ perOrigin: { perday: 5 } }),
      "limits.perOrigin.perday is not a known option, did you mean limits.perOrigin.perDay?",
    ],
    [
      withLimits({ perOrigin: { perOrigin: {} } }),
      "limits.perOrigin.perOrigin is not a known option, did you mean limits.perOrigin?",
    ],
    [withLimits({ payment: {} }), "limits.payment is not a known option, did you mean limits.payments?"],
    [withLimits({ perMinute: 5 }), "limits.perMinute is not a known option, did you mean limits.payments.perMinute?"],
    [
      withLimits({ payments: { perMinutes: 5 } }),
      "limits.payments.perMinutes is not a known option, did you mean limits.payments.perMinute?",
    ],
    [withLimits({ payments: { total: 5 } }), "limits.payments.total is not a known option, did you mean limits.total?"],
    [
      withLimits({ perOrigin: { payments: { perday: 5 } } }),
      "limits.perOrigin.payments.perday is not a known option, did you mean limits.perOrigin.payments.perDay?",
    ],
    [{ ...good, aproveAbove: 5 }, "aproveAbove is not a known option, did you mean approveAbove?"],
    [{ ...good, name: "a" }, "name is not a known option, did you mean within.name?"],
    [withLimits({ hosts: [] }), "limits.hosts is not a known option, did you mean hosts?"],
    [{ ...good, perPayment: 5 }, "perPayment is not a known option, did you mean limits.perPayment?"],
    [{ ...good, total: 5 }, "total is not a known option, did you mean limits.total?"],
  ]));

test("the keys that can't be left out", () =>
  refuses([
    [undefined, "options must be an object, not undefined"],
    [null, "options must be an object, not null"],
    [wallet, "options must be an object, not a function"],
    [[], "options must be an object, not an array"],
    [{}, "limits is missing"],
    [{ limits: { perPayment: 1 } }, "wallet is missing"],
    [{ wallet }, "limits is missing"],
    [{ wallet, limits: undefined }, "limits is missing"],
    [{ wallet, limits: {} }, "limits.perPayment is missing"],
    [{ wallet, limits: { perPayment: undefined, total: 5 } }, "limits.perPayment is missing"],
    [{ wallet, limits: 100 }, "limits must be an object, not 100"],
    [{ wallet, limits: null }, "limits must be an object, not null"],
    [withLimits({ perOrigin: null }), "limits.perOrigin must be an object, not null"],
    [withLimits({ perOrigin: 3 }), "limits.perOrigin must be an object, not 3"],
    [withLimits({ payments: 3 }), "limits.payments must be an object, not 3"],
    [withLimits({ payments: null }), "limits.payments must be an object, not null"],
    [withLimits({ perOrigin: { payments: [] } }), "limits.perOrigin.payments must be an object, not an array"],
  ]));

test("an amount is a whole number of satoshis whose millisatoshis are exact", () => {
  const bad = [
    [-1, "-1"],
    [0.5, "0.5"],
    [NaN, "NaN"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
    [MAX_SAT + 1, "9007199254741"],
    [2 ** 53, "9007199254740992"],
    ["5", "a string"],
    [5n, "a bigint"],
    [null, "null"],
    [true, "a boolean"],
    [{}, "an object"],
    [[5], "an array"],
  ];
  for (const [value, shown] of bad) {
    const must = `must be a whole number of satoshis from 0 to ${MAX_SAT}, not ${shown}`;
    refuses([
      [{ wallet, limits: { perPayment: value } }, `limits.perPayment ${must}`],
      [{ ...good, approveAbove: value }, `approveAbove ${must}`],
      [withLimits({ perOrigin: { perPayment: value } }), `limits.perOrigin.perPayment ${must}`],
      ...["perHour", "perDay", "total"].flatMap((key) => [
        [withLimits({ [key]: value }), `limits.${key} ${must}`],
        [withLimits({ perOrigin: { [key]: value } }), `limits.perOrigin.${key} ${must}`],
      ]),
      ...["perMinute", "perHour", "perDay"].flatMap((key) => [
        [withLimits({ payments: { [key]: value } }), `limits.payments.${key} ${must.replace("satoshis", "payments")}`],
        [
          withLimits({ perOrigin: { payments: { [key]: value } } }),
          `limits.perOrigin.payments.${key} ${must.replace("satoshis", "payments")}`,
        ],
      ]),
    ]);
  }
  assert.ok(Number.isSafeInteger(MAX_SAT * 1000));
  assert.ok(Object.is(readOptions({ wallet, limits: { perPayment: -0 } }).limits[0], 0));
});

test("other values of the wrong type or range", () =>
  refuses([
    ...[0, -1, 1.5, NaN, Infinity, 2147483648].map((n) => [
      { ...good, paymentTimeout: n },
      `paymentTimeout must be a whole number of milliseconds from 1 to 2147483647, not ${n}`,
    ]),
    [
      { ...good, paymentTimeout: "5" },
      "paymentTimeout must be a whole number of milliseconds from 1 to 2147483647, not a string",
    ],
    [{ ...good, networks: "bitcoin" }, "networks must be an array, not a string"],
    [{ ...good, networks: null }, "networks must be an array, not null"],
    [{ ...good, networks: ["mainnet"] }, "networks[0] must be one of bitcoin, testnet, signet, regtest, simnet"],
    [{ ...good, networks: [] }, "networks must not be empty: leave it out for the default"],
    [
      { ...good, networks: Object.assign([], { 1: "bitcoin" }) },
      "networks[0] must be one of bitcoin, testnet, signet, regtest, simnet",
    ],
    [{ ...good, protocols: [] }, "protocols must not be empty: leave it out for the default"],
    [{ ...good, protocols: ["l402", "L402"] }, "protocols[1] must be one of l402, lsat, mpp, x402"],
    [{ ...good, proof: "maybe" }, "proof must be one of preimage, none"],
    [{ ...good, proof: null }, "proof must be one of preimage, none"],
    [{ ...good, hosts: "a.b" }, "hosts must be an array, not a string"],
    [{ ...good, insecureHosts: true }, "insecureHosts must be an array, not a boolean"],
    [{ ...good, insecureHosts: ["a.b/c"] }, `insecureHosts[0] ${HOST}`],
    [{ ...good, insecureHost: ["a.b"] }, "insecureHost is not a known option, did you mean insecureHosts?"],
    ...["approve", "fetch", "now", "onEvent"].flatMap((key) => [
      [{ ...good, [key]: null }, `${key} must be a function, not null`],
      [{ ...good, [key]: {} }, `${key} must be a function, not an object`],
    ]),
    [{ ...good, store: null }, "store.read must be a function, not undefined"],
    [{ ...good, store: "localStorage" }, "store.read must be a function, not undefined"],
    [{ ...good, store: {} }, "store.read must be a function, not undefined"],
    [{ ...good, store: new Map(), x: 1 }, "x is not a known option"],
    [{ ...good, store: { read() {}, write() {} } }, "store.list must be a function, not undefined"],
    [{ ...good, store: { read() {}, write: true, list() {} } }, "store.write must be a function, not a boolean"],
  ]));

test("a secret in the wrong place is not shown", () => {
  const secret = "nostr+walletconnect://secret";
  for (const key of ["wallet", "limits", "store", "approve", "networks", "hosts", "proof", "paymentTimeout", "fetch"]) {
    assert.ok(!refusal({ ...good, [key]: secret }).includes(secret), key);
    assert.ok(!refusal({ ...good, [key]: [secret] }).includes(secret), key);
  }
});

test("an optional key that is undefined is absent", () => {
  const absent = Object.fromEntries(
    [
      "store",
      "approve",
      "approveAbove",
      "networks",
      "hosts",
      "insecureHosts",
      "protocols",
      "proof",
      "paymentTimeout",
      "fetch",
      "now",
      "onEvent",
    ].map((key) => [key, undefined]),
  );
  assert.deepEqual(readOptions({ ...good, ...absent }).config, readOptions(good).config);
  assert.deepEqual(
    readOptions(withLimits({ perHour: undefined, payments: undefined, perOrigin: undefined })).limits,
    readOptions(good).limits,
  );
  assert.deepEqual(readOptions(withLimits({ payments: { perDay: undefined } })).limits, readOptions(good).limits);
  assert.deepEqual(readOptions(withLimits({ perOrigin: { total: undefined } })).limits, readOptions(good).limits);
});

test("hosts, in the form in which URLs show theirs", () => {
  const rows = [
    ["api.example.com", "api.example.com"],
    ["API.Example.COM", "api.example.com"],
    ["api.example.com:8443", "api.example.com:8443"],
    ["api.example.com:443", "api.example.com:443"],
    ["a.b:080", "a.b:80"],
    ["*.example.com", "*.example.com"],
    ["*.Example.com:80", "*.example.com:80"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["localhost", "localhost"],
    ["127.0.0.1:80", "127.0.0.1:80"],
    ["127.1", "127.0.0.1"],
    ["[::1]", "[::1]"],
    ["[0:0::1]:81", "[::1]:81"],
    ["example.com.", "example.com."],
    ["a_b.example", "a_b.example"],
    ["https://a.b", "https://a.b"],
    ["HTTPS://A.b:443", "https://a.b"],
    ["https://a.b:1", "https://a.b:1"],
    ["http://localhost:80", "http://localhost"],
    ["http://a.b:443", "http://a.b:443"],
    ["https://[::1]:443", "https://[::1]"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
  ];
  assert.deepEqual(
    readOptions({ ...good, hosts: rows.map(([given]) => given) }).config.hosts,
    rows.map(([, read]) => read),
  );
  assert.deepEqual(readOptions({ ...good, hosts: [] }).config.hosts, []);
  for (const bad of [
    "",
    " ",
    "*",
    "*.",
    "*.*.b",
    "a.*",
    "a*.b",
    "**.b",
    "a.b/",
    "a.b/c",
    "https://a.b/",
    "https://a.b/c",
    "https://",
    "https://*.b",
    "a.b?x",
    "a.b#x",
    "u@a.b",
    "https://u:p@a.b",
    "ftp://a.b",
    "wss://a.b",
    "a.b:",
    "a.b:0",
    "a.b:65536",
    "a.b:x",
    "a.b:1:2",
    ".a.b",
    "a..b",
    "*..b",
    "[::1",
    "[::g]",
    "::1",
    "*.[::1]",
    "*.127.0.0.1",
    "*.1.2",
    "a b",
    "a.b ",
    "a%2eb",
    "a\\b",
    "1.2.3.256",
    "a.b\n",
    null,
    undefined,
    5,
    ["a.b"],
    /a/,
    new URL("https://a.b"),
  ]) {
    assert.equal(refusal({ ...good, hosts: ["a.b", bad] }), `hosts[1] ${HOST}`, String(bad));
  }
});

test("each key is read once, and the checked value counts", () => {
  const reads = {};
  const counting = (object, prefix = "") =>
    new Proxy(object, {
      get(target, key) {
        if (typeof key === "string") reads[prefix + key] = (reads[prefix + key] ?? 0) + 1;
        const value = target[key];
        return value && ["limits", "payments", "perOrigin"].includes(key) ? counting(value, `${prefix}${key}.`) : value;
      },
    });
  readOptions(counting({ ...good, limits: { perPayment: 1, payments: { perDay: 1 }, perOrigin: { total: 1 } } }));
  for (const [key, count] of Object.entries(reads)) assert.equal(count, 1, key);
  assert.ok("limits.payments.perDay" in reads && "limits.perOrigin.total" in reads && "paymentTimeout" in reads);

  const hosts = ["a.b"];
  const { config } = readOptions({ ...good, hosts });
  hosts.push("evil.example");
  assert.deepEqual(config.hosts, ["a.b"]);
});

test("a getter that throws is the caller's own error", () => {
  const mine = new Error("mine");
  assert.throws(
    () =>
      readOptions({
        ...good,
        get hosts() {
          throw mine;
        },
      }),
    (error) => error === mine,
  );
});

test("inherited keys count, and inherited typos are errors", () => {
  class Settings {
    wallet = wallet;
    limits = Object.create({ perPayment: 7, perHour: 8 });
    get hosts() {
      return ["a.b"];
    }
  }
  const { config, limits } = readOptions(new Settings());
  assert.deepEqual([...limits.slice(0, 2), config.hosts], [7, 8, ["a.b"]]);
  assert.equal(
    refusal(Object.assign(Object.create({ hostss: [] }), good)),
    "hostss is not a known option, did you mean hosts?",
  );
  assert.deepEqual(readOptions(Object.assign(Object.create(null), good)).config, readOptions(good).config);
});

test("a member that a page added to every object is no option", (t) => {
  Object.prototype.polluted = 1;
  t.after(() => delete Object.prototype.polluted);
  assert.equal(readOptions(good).limits[0], 100);
});

test("the default fetch is the global one at the time of the call, and runs without a this", async (t) => {
  const original = globalThis.fetch;
  t.after(() => {
    globalThis.fetch = original;
  });
  let seen;
  globalThis.fetch = async function () {
    seen = this;
    return "then";
  };
  const { fetch } = readOptions(good);
  globalThis.fetch = async () => "later";
  assert.equal(await { fetch }.fetch(), "then");
  assert.equal(seen, undefined);
  globalThis.fetch = undefined;
  assert.equal(refusal(good), "fetch is missing: pass one, this runtime has none");
  assert.equal(await readOptions({ ...good, fetch: async () => "mine" }).fetch(), "mine");
});

test("the default clock is asked anew each time", (t) => {
  const { now } = readOptions(good);
  t.mock.timers.enable({ apis: ["Date"], now: 123 });
  assert.equal(now(), 123);
});

test("the store keeps its this", () => {
  class Memory {
    #map = new Map([["a", "b"]]);
    read([key]) {
      return this.#map.get(key);
    }
    write(changes) {
      this.#map.set("a", changes.a);
    }
    list(prefix) {
      return prefix + this.#map.size;
    }
  }
  const { read, write, list } = readOptions({ ...good, store: new Memory() }).store;
  assert.equal(read(["a"]), "b");
  write({ a: "c" }, {});
  assert.equal(read(["a"]), "c");
  assert.equal(list("a"), "a1");
});

test("a scope is checked as the options are, and none of its limits has to be there", () => {
  const outer = readOptions(good);
  const of = (scope) => {
    try {
      return readScope(scope, outer);
    } catch (error) {
      assert.ok(error instanceof L402Error, String(error));
      assert.equal(error.code, "invalid_options");
      return error.message;
    }
  };
  const [approve, onEvent] = [() => true, () => {}];
  assert.deepEqual(of({ limits: {} }), {
    name: undefined,
    limits: Array(14).fill(null),
    approve: undefined,
    onEvent: undefined,
    outer,
  });
  assert.deepEqual(of({ name: "é".repeat(100), limits: { total: 5, perOrigin: { perHour: 6 } }, approve, onEvent }), {
    name: "é".repeat(100),
    limits: [null, null, null, 5, null, null, null, null, 6, ...Array(5).fill(null)],
    approve,
    onEvent,
    outer,
  });
  const name = "name must be a string of 1 to 100 characters without /";
  for (const [scope, message] of [
    [undefined, "within must be an object, not undefined"],
    ["task", "within must be an object, not a string"],
    [{}, "limits is missing"],
    [{ name: "a" }, "limits is missing"],
    [{ limits: 5 }, "limits must be an object, not 5"],
    [{ limits: { perHour: -1 } }, `limits.perHour must be a whole number of satoshis from 0 to ${MAX_SAT}, not -1`],
    [{ limits: { perhour: 1 } }, "limits.perhour is not a known option, did you mean limits.perHour?"],
    [{ limits: {}, names: "a" }, "within.names is not a known option, did you mean within.name?"],
    [{ limits: {}, wallet }, "within.wallet is not a known option, did you mean wallet?"],
    [{ limits: {}, approveAbove: 5 }, "within.approveAbove is not a known option, did you mean approveAbove?"],
    [{ limits: {}, approve: true }, "approve must be a function, not a boolean"],
    [{ limits: {}, onEvent: {} }, "onEvent must be a function, not an object"],
    ...["", "a/b", "/", "a".repeat(101), null, 5, ["a"], {}].map((given) => [{ limits: {}, name: given }, name]),
  ]) {
    assert.equal(of(scope), message);
  }
});
