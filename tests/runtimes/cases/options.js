// Options are checked when the paying fetch is made. A bad option is an error that names its key.
import { openShop } from "../shop.js";

const wallet = async () => "00";
const good = { wallet, limits: { perPayment: 100 } };
const limited = (limits) => ({ wallet, limits: { perPayment: 100, ...limits } });
const NOT_AMOUNTS = [-1, 0.5, NaN, Infinity, -Infinity, 9007199254741, "5", 5n, null, true, {}, [5]];
const method = () => {};

const BAD = [
  ["options", [undefined, null, wallet, [], 5, "text"]],
  [
    "wallet",
    [
      { limits: good.limits },
      { ...good, wallet: undefined },
      { ...good, wallet: null },
      { ...good, wallet: 5 },
      { ...good, wallet: "nostr:" },
      { ...good, wallet: {} },
      { ...good, wallet: { pay: 5 } },
    ],
  ],
  [
    "limits",
    [
      { wallet },
      { ...good, limits: undefined },
      { ...good, limits: null },
      { ...good, limits: 100 },
      { ...good, limits: [] },
    ],
  ],
  [
    "limits.perPayment",
    [
      { wallet, limits: {} },
      ...[...NOT_AMOUNTS, undefined].map((value) => ({ wallet, limits: { perPayment: value } })),
    ],
  ],
  ...["perHour", "perDay", "total"].flatMap((key) => [
    [`limits.${key}`, NOT_AMOUNTS.map((value) => limited({ [key]: value }))],
    [`limits.perOrigin.${key}`, NOT_AMOUNTS.map((value) => limited({ perOrigin: { [key]: value } }))],
  ]),
  ["limits.perOrigin", [null, 5, [], "x"].map((perOrigin) => limited({ perOrigin }))],
  ["limits.perPaymnet", [limited({ perPaymnet: 5 })]],
  ["limits.perOrigin.perPaymnet", [limited({ perOrigin: { perPaymnet: 5 } })]],
  ["limits.payments.perMinute", [-1, "5", 0.5, null].map((perMinute) => limited({ payments: { perMinute } }))],
  ["approveAbove", [-1, "5", 0.5, null].map((approveAbove) => ({ ...good, approveAbove }))],
  [
    "hostz",
    [
      { ...good, hostz: [] },
      { ...good, hostz: undefined },
    ],
  ],
  ["perPayment", [{ ...good, perPayment: 5 }]],
  [
    "store",
    [null, 5, {}, { read: method, write: method }, { read: method, write: 5, list: method }].map((store) => ({
      ...good,
      store,
    })),
  ],
  ["approve", [null, true, {}, "yes"].map((approve) => ({ ...good, approve }))],
  [
    "networks",
    [null, "regtest", [], ["mainnet"], [undefined], [["regtest"]]].map((networks) => ({ ...good, networks })),
  ],
  [
    "hosts",
    [
      null,
      "a.b",
      [""],
      ["a.b/path"],
      ["https://a.b/"],
      ["a b"],
      ["*"],
      ["ftp://a.b"],
      ["a.b:0"],
      ["a.b:65536"],
      [5],
    ].map((hosts) => ({ ...good, hosts })),
  ],
  ["protocols", [null, "l402", [], ["http"]].map((protocols) => ({ ...good, protocols }))],
  ["proof", [null, "", "all", true, ["none"]].map((proof) => ({ ...good, proof }))],
  [
    "paymentTimeout",
    [0, -1, 0.5, NaN, Infinity, 2147483648, "5", null].map((paymentTimeout) => ({ ...good, paymentTimeout })),
  ],
  ["fetch", [null, 5, "fetch", {}].map((fetch) => ({ ...good, fetch }))],
  ["now", [null, 5, new Date()].map((now) => ({ ...good, now }))],
  ["onEvent", [null, {}, "log"].map((onEvent) => ({ ...good, onEvent }))],
];

export default [
  ...BAD.map(([key, list]) => ({
    name: `bad options are refused at once, naming the key: ${key}`,
    run(t) {
      for (const options of list) {
        const error = t.throws(() => t.pkg.createFetch(options), "invalid_options");
        t.ok(error instanceof t.pkg.L402Error, "an L402Error");
        t.ok(error.message.startsWith(key), `${error.message} begins with ${key}`);
      }
    },
  })),
  {
    name: "createFetch is synchronous and gives a function with its methods",
    run(t) {
      const pay = t.pkg.createFetch({
        ...good,
        limits: { perPayment: 0, perHour: 0, perDay: 1, total: 9007199254740, perOrigin: {} },
        hosts: [],
        networks: ["signet", "simnet"],
        protocols: ["x402"],
        proof: "none",
        paymentTimeout: 2147483647,
        store: undefined,
        approve: undefined,
        onEvent: undefined,
        now: undefined,
        fetch: undefined,
      });
      t.equal(typeof pay, "function");
      t.same(
        Object.keys(pay).sort().join(),
        "balanceMsat,closeSessions,forget,payments,quote,remaining,resolve,sessions,spent,warm,within",
      );
      for (const name of Object.keys(pay)) t.equal(typeof pay[name], "function", name);
    },
  },
  {
    name: "warm() loads the core, and neither sends nor pays anything",
    async run(t) {
      const untouched = () => {
        throw new Error("nothing is to be asked");
      };
      const store = { read: untouched, write: untouched, list: untouched };
      const pay = t.pkg.createFetch({ wallet: untouched, limits: { perPayment: 1 }, fetch: untouched, store });
      t.equal(await pay.warm(), undefined);
    },
  },
  {
    name: "options that change later change nothing",
    async run(t) {
      const shop = openShop(t);
      const options = {
        wallet: shop.wallet(),
        limits: { perPayment: 5 },
        networks: ["regtest"],
        hosts: [new URL(t.base).hostname],
      };
      const pay = t.pkg.createFetch(options);
      options.limits.perPayment = 1000;
      options.networks.push("bitcoin");
      options.hosts.length = 0;
      t.equal((await t.rejects(pay(shop.url("a")), "over_limit")).response.status, 402);
      t.equal((await t.rejects(pay(shop.url("a", { network: "bc", price: 1 })), "wrong_network")).response.status, 402);
      t.equal((await pay(shop.url("a", { price: 5 }))).status, 200);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
];
