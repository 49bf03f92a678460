// Options of any kind are accepted exactly if this plain model accepts them.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { L402Error } from "../../src/js/core/error.js";
import { readOptions } from "../../src/js/core/options.js";

const AMOUNTS = ["perPayment", "perHour", "perDay", "total"];
const COUNTS = ["perMinute", "perHour", "perDay"];
const KNOWN = {
  "": [
    "wallet",
    "limits",
    "store",
    "approve",
    "approveAbove",
    "networks",
    "hosts",
    "insecureHosts",
    "protocols",
    "sessions",
    "proof",
    "paymentTimeout",
    "fetch",
    "now",
    "onEvent",
  ],
  "sessions.": ["maxDeposit"],
  "limits.": [...AMOUNTS, "payments", "perOrigin"],
  "limits.payments.": COUNTS,
  "limits.perOrigin.": [...AMOUNTS, "payments"],
  "limits.perOrigin.payments.": COUNTS,
};
const NETWORKS = ["bitcoin", "testnet", "signet", "regtest", "simnet"];
const PROTOCOLS = ["l402", "lsat", "mpp", "x402"];
const GOOD_HOSTS = [
  "a.example",
  "*.example.com",
  "a.example:8443",
  "https://a.example",
  "http://127.0.0.1:81",
  "[::1]",
  "*.a.example:1",
];
const BAD_HOSTS = [
  "",
  "*",
  "https://a.example/",
  "a..b",
  "ftp://a.b",
  "a.example:0",
  "u@a.b",
  "https://*.b",
  "::1",
  "a b",
];

// The model: the values that each key may have.
const absent = (is) => (value) => value === undefined || is(value);
const isFunction = (value) => typeof value === "function";
const isAmount = (value) => typeof value === "number" && value >= 0 && value <= 9007199254740 && value % 1 === 0;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isListOf = (is) => (value) => Array.isArray(value) && value.length < 1e6 && Array.from(value).every(is); // no list of this test is good and longer
const isNames = (names) => (value) => isListOf((name) => names.includes(name))(value) && value.length > 0;
const isWallet = (value) =>
  isFunction(value) || (value != null && ["pay", "sendPayment", "payInvoice"].some((key) => isFunction(value[key])));
const isStore = (value) =>
  value !== null &&
  ["object", "function"].includes(typeof value) &&
  ["read", "write", "list"].every((key) => isFunction(value[key]));
const areAmounts = (keys) => (value) => isObject(value) && keys.every((key) => absent(isAmount)(value[key]));
const isLevel = (value) => areAmounts(AMOUNTS)(value) && absent(areAmounts(COUNTS))(value.payments);
const isModel = {
  wallet: isWallet,
  limits: (value) => isLevel(value) && isAmount(value.perPayment) && absent(isLevel)(value.perOrigin),
  store: absent(isStore),
  approveAbove: absent(isAmount),
  networks: absent(isNames(NETWORKS)),
  hosts: absent(isListOf((host) => GOOD_HOSTS.includes(host))),
  insecureHosts: absent(isListOf((host) => GOOD_HOSTS.includes(host))),
  protocols: absent(isNames(PROTOCOLS)),
  sessions: absent((value) => isObject(value) && isAmount(value.maxDeposit)),
  proof: absent((value) => value === "preimage" || value === "none"),
  paymentTimeout: absent((value) => typeof value === "number" && value >= 1 && value <= 2147483647 && value % 1 === 0),
  ...Object.fromEntries(["approve", "fetch", "now", "onEvent"].map((key) => [key, absent(isFunction)])),
};
const makesInvoices = ({ wallet, sessions }) =>
  sessions === undefined || (isFunction(wallet?.pay) && isFunction(wallet.makeInvoice));
const isAccepted = (options) =>
  isObject(options) && Object.entries(isModel).every(([key, is]) => is(options[key])) && makesInvoices(options);

const sat = (value) => (value === undefined ? null : Math.abs(value)); // -0 is 0
const level = (limits = {}) => [
  ...AMOUNTS.map((key) => sat(limits[key])),
  ...COUNTS.map((key) => sat(limits.payments?.[key])),
];
const expected = ({
  approveAbove = 0,
  networks = ["bitcoin"],
  hosts = null,
  insecureHosts = [],
  protocols = PROTOCOLS,
  sessions,
  proof = "preimage",
  paymentTimeout = 300000,
}) => ({
  approveAbove: Math.abs(approveAbove),
  networks,
  hosts,
  insecureHosts,
  protocols,
  maxDeposit: sat(sessions?.maxDeposit),
  proof,
  paymentTimeout,
});

const fn = () => "";
const wild = fc.oneof(
  fc.constantFrom(
    NaN,
    -0,
    0,
    1,
    -1,
    0.1,
    1e-300,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 53 - 1,
    2 ** 53,
    9007199254740,
    9007199254741,
    Infinity,
    -Infinity,
    1n,
    10n ** 30n,
  ),
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    "",
    "5",
    "bitcoin",
    "none",
    fn,
    class {},
    Symbol("x"),
    Symbol.iterator,
    new Date(0),
    new Map(),
    new Set(["bitcoin"]),
    new Uint8Array(2),
  ),
  fc.constantFrom(
    [],
    {},
    [[]],
    Object(5),
    Object("none"),
    Object(1n),
    new Array(1),
    new Array(3),
    new Array(2 ** 32 - 1),
    Array(100_000).fill(""),
    { length: 1, 0: "bitcoin" },
  ),
  fc.constantFrom(
    JSON.parse('{"__proto__":{"perHour":5}}'),
    Object.create(null),
    Object.create({ perHour: 1 }),
    new Proxy({}, {}),
    new Proxy([], {}),
    new Proxy(fn, {}),
  ),
  fc.anything({ maxDepth: 1 }),
);
/** Mostly what belongs there. */
const or = (arbitrary, weight = 40) => fc.oneof({ weight, arbitrary }, { weight: 1, arbitrary: wild });
const amount = or(fc.oneof(fc.nat(), fc.constantFrom(0, -0, 9007199254740)));
const some = (keys) => Object.fromEntries(keys.map((key) => [key, amount]));
const payments = or(fc.record(some(COUNTS), { requiredKeys: [] }));
const ofOrigin = or(fc.record({ ...some(AMOUNTS), payments }, { requiredKeys: [] }));
const store = fc.record(
  { read: or(fc.constant(fn)), write: or(fc.constant(fn)), list: or(fc.constant(fn)) },
  { requiredKeys: ["read", "write"] },
);
const list = (good, bad) =>
  or(
    fc.array(
      fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: fc.constantFrom(...bad) }),
      { maxLength: 4 },
    ),
  );
const options = fc.record(
  {
    wallet: or(
      fc.constantFrom(
        fn,
        { pay: fn },
        // The others can't be had with sessions.
        ...Array(12).fill({ pay: fn, makeInvoice: fn }),
        { sendPayment: fn },
        { payInvoice: fn },
        Object.assign(() => {}, { pay: 1 }),
      ),
    ),
    limits: or(fc.record({ ...some(AMOUNTS), payments, perOrigin: ofOrigin }, { requiredKeys: ["perPayment"] })),
    store: or(store),
    approve: or(fc.constant(fn)),
    approveAbove: amount,
    networks: list(NETWORKS, ["Bitcoin", "mainnet", "", null]),
    hosts: list(GOOD_HOSTS, BAD_HOSTS),
    insecureHosts: list(GOOD_HOSTS, BAD_HOSTS),
    protocols: list(PROTOCOLS, ["L402", "", 1]),
    sessions: or(fc.record({ maxDeposit: amount })),
    proof: or(fc.constantFrom("preimage", "none")),
    paymentTimeout: or(fc.integer({ min: 1, max: 2147483647 })),
    fetch: or(fc.constant(fn)),
    now: or(fc.constant(fn)),
    onEvent: or(fc.constant(fn)),
  },
  { requiredKeys: ["wallet", "limits"] },
);

/** The same object made in other ways: all of them are options. */
const making = fc.constantFrom(
  (object) => object,
  (object) => Object.freeze({ ...object }),
  (object) => new Proxy(object, {}),
  (object) => Object.create(object),
  (object) => Object.assign(Object.create(null), object),
  (object) =>
    Object.defineProperties(
      {},
      Object.fromEntries(Object.keys(object).map((key) => [key, { enumerable: true, get: () => object[key] }])),
    ),
  (object) => ({ ...object, [Symbol("perHour")]: 1, [Symbol.toStringTag]: "Options" }),
);

function read(given) {
  try {
    return readOptions(given);
  } catch (error) {
    assert.ok(error instanceof L402Error, String(error?.stack));
    assert.equal(error.code, "invalid_options");
    return error;
  }
}

test("options are accepted exactly if the model accepts them, with the same values", () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.oneof({ weight: 30, arbitrary: options }, { weight: 1, arbitrary: wild }),
      making,
      making,
      (given, make, makeLimits) => {
        const remade = isObject(given)
          ? make(
              isObject(given.limits) && KNOWN["limits."].some((key) => key in given.limits)
                ? { ...given, limits: makeLimits(given.limits) }
                : given,
            )
          : given;
        const unknown =
          isObject(given) &&
          [
            ["", given],
            ["sessions.", given.sessions],
            ["limits.", given.limits],
            ["limits.payments.", given.limits?.payments],
            ["limits.perOrigin.", given.limits?.perOrigin],
            ["limits.perOrigin.payments.", given.limits?.perOrigin?.payments],
          ].some(([place, object]) => {
            if (!isObject(object)) return false;
            for (const key in object) if (!KNOWN[place].includes(key)) return true;
            return false;
          });
        // which texts name a host is for the tests of the hosts
        const areKnown = (hosts) =>
          !Array.isArray(hosts) ||
          hosts.length > 1e6 ||
          hosts.every((host) => typeof host !== "string" || [...GOOD_HOSTS, ...BAD_HOSTS].includes(host));
        fc.pre(areKnown(given?.hosts) && areKnown(given?.insecureHosts));
        const found = read(remade);
        if (found instanceof L402Error) return assert.ok(unknown || !isAccepted(given), found.message);
        accepted++;
        assert.ok(isAccepted(given) && !unknown);
        assert.deepEqual(found.config, JSON.parse(JSON.stringify(expected(given))));
        assert.deepEqual(found.limits, [...level(given.limits), ...level(given.limits.perOrigin)]);
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(accepted > 200, `only ${accepted} were accepted: the property says little`);
});

/** Keys that nearly are one of these. */
const mistyped = (keys) =>
  fc
    .tuple(fc.constantFrom(...keys), fc.nat(), fc.constantFrom("drop", "swap", "double", "case", "pad", "plural"))
    .map(([key, n, how]) => {
      const at = n % key.length;
      return {
        drop: key.slice(0, at) + key.slice(at + 1),
        swap: key.slice(0, at) + (key[at + 1] ?? "") + key[at] + key.slice(at + 2),
        double: key.slice(0, at) + key[at] + key.slice(at),
        case:
          key.slice(0, at) +
          (key[at] === key[at].toLowerCase() ? key[at].toUpperCase() : key[at].toLowerCase()) +
          key.slice(at + 1),
        pad: n % 2 ? `${key} ` : `_${key}`,
        plural: `${key}s`,
      }[how];
    });

test("an unknown key is refused by name at every level, whatever its value, own or inherited", () => {
  const levels = Object.entries(KNOWN).map(([place, keys]) =>
    fc.tuple(
      fc.constant(place),
      fc
        .oneof(
          { weight: 4, arbitrary: mistyped(keys) },
          { weight: 1, arbitrary: fc.string() },
          { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "prototype", "length", "0") },
        )
        .filter((key) => !keys.includes(key)),
    ),
  );
  const adding = fc.constantFrom(
    (object, key, value) => Object.defineProperty(object, key, { value, enumerable: true }),
    (object, key) =>
      Object.defineProperty(object, key, {
        get() {
          throw new Error("read");
        },
        enumerable: true,
      }),
    (object, key, value) =>
      Object.assign(Object.create(Object.defineProperty({}, key, { value, enumerable: true })), object),
    (object, key, value) =>
      new Proxy(Object.defineProperty(object, key, { value, enumerable: true, configurable: true }), {}),
  );
  fc.assert(
    fc.property(fc.oneof(...levels), adding, fc.oneof(fc.constant(undefined), wild), ([place, key], add, value) => {
      const limits = { perPayment: 1, payments: {}, perOrigin: { total: 1, payments: {} } };
      const given = { wallet: { pay: fn, makeInvoice: fn }, limits, sessions: { maxDeposit: 1 } };
      const path = place.split(".").slice(0, -1);
      const within = path.slice(0, -1).reduce((object, name) => object[name], given);
      const name = path.at(-1);
      if (name) within[name] = add(within[name], key, value);
      const error = read(name ? given : add(given, key, value));
      assert.ok(error instanceof L402Error, key);
      assert.ok(error.message.startsWith(`${place}${key} is not a known option`), error.message);
    }),
    { numRuns: 1500 },
  );
});

test("a member that a page adds to every object's prototype is no option, and hides none", (t) => {
  const names = [...new Set(Object.values(KNOWN).flat()), "perPaymnet", "banana"];
  t.after(() => {
    for (const name of names) delete Object.prototype[name];
  });
  class Limits {
    perPayment = 5;
    get perHour() {
      return 7;
    }
  }
  const given = { wallet: fn, limits: new Limits() };
  const before = readOptions(given);
  assert.equal(before.limits[1], 7);
  for (const name of names) {
    for (const value of [0, "x", [], fn]) {
      Object.prototype[name] = value;
      try {
        const { config, limits, store, approve, onEvent } = readOptions(given);
        assert.deepEqual([config, limits], [before.config, before.limits], name);
        assert.deepEqual([store, approve, onEvent], [undefined, undefined, undefined], name);
        assert.throws(() => readOptions({ limits: { perPayment: 5 } }), {
          code: "invalid_options",
          message: "wallet is missing",
        });
        assert.throws(() => readOptions({ wallet: fn, limits: {} }), {
          code: "invalid_options",
          message: "limits.perPayment is missing",
        });
        assert.throws(() => readOptions({ wallet: fn, limits: Object.create({ [`${name}x`]: 1, perPayment: 5 }) }), {
          code: "invalid_options",
        });
      } finally {
        delete Object.prototype[name];
      }
    }
  }
});

test("options that change while they are read count as they were read", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(1, 2, 2 ** 53, -1, "x", undefined), { minLength: 2, maxLength: 4 }),
      (values) => {
        let at = 0;
        const limits = {
          perPayment: 1,
          get total() {
            return values[Math.min(at++, values.length - 1)];
          },
        };
        const found = read({ wallet: fn, limits });
        assert.equal(at, 1);
        if (found instanceof L402Error) assert.ok(!absent(isAmount)(values[0]));
        else assert.equal(found.limits[3], values[0] ?? null);
      },
    ),
  );
});
