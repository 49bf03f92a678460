// What must not compile: each line below is an error that tsc has to find.
import { createFetch, L402Error, type ErrorCode } from "../../dist/index.js";
import { redisStore } from "../../dist/stores/redis.js";
import { sqliteStore } from "../../dist/stores/sqlite.js";
import { lnd } from "../../dist/wallets/lnd.js";
import { nwc } from "../../dist/wallets/nwc.js";
import { webln } from "../../dist/wallets/webln.js";

const wallet = async () => "00";
const limits = { perPayment: 1 };

// @ts-expect-error no options
createFetch();
// @ts-expect-error no wallet
createFetch({ limits });
// @ts-expect-error no limits
createFetch({ wallet });
// @ts-expect-error no limit for one payment
createFetch({ wallet, limits: {} });
// @ts-expect-error a typo in a limit
createFetch({ wallet, limits: { perPayment: 1, perHuor: 1 } });
// @ts-expect-error a typo in a limit on orders
createFetch({ wallet, limits: { perPayment: 1, payments: { perMinutes: 1 } } });
// @ts-expect-error a scope without limits
createFetch({ wallet, limits }).within({ name: "task" });
// @ts-expect-error a typo in a scope
createFetch({ wallet, limits }).within({ limits: {}, nmae: "task" });
// @ts-expect-error a wallet of a scope's own
createFetch({ wallet, limits }).within({ limits: {}, wallet });
// @ts-expect-error a typo
createFetch({ wallet, limits, host: [] });
// @ts-expect-error null is not absent
createFetch({ wallet, limits, store: null });
// @ts-expect-error no such network
createFetch({ wallet, limits, networks: ["mainnet"] });
// @ts-expect-error a store that can't list
createFetch({ wallet, limits, store: { read: async () => [], write: async () => true } });
// @ts-expect-error a store that does not say whether it has written
createFetch({ wallet, limits, store: { read: async () => [], write: async () => {}, list: async () => [] } });
// @ts-expect-error no option of Redis
redisStore({ eval: async () => 1 }, { table: "x" });
// @ts-expect-error no database
sqliteStore(5);
// @ts-expect-error a wallet of numbers
createFetch({ wallet: () => 5, limits });
// @ts-expect-error no wallet
createFetch({ wallet: {}, limits });
// @ts-expect-error no such code
new L402Error("nonsense", "x");
// @ts-expect-error a provider that can't pay
webln({ enable: async () => {} });
// @ts-expect-error no macaroon
lnd({ url: "https://127.0.0.1" });
// @ts-expect-error a typo
lnd({ url: "https://127.0.0.1", macaroon: "00", macaron: "00" });
// @ts-expect-error a word in place of true
lnd({ url: "http://umbrel.local", macaroon: "00", insecure: "yes" });
// @ts-expect-error a client that can't pay
nwc({ getBalance: async () => ({ balance: 1 }) });
// @ts-expect-error codes are fixed
const code: ErrorCode = "other";
// @ts-expect-error read-only
new L402Error("declined", "x").code = "over_limit";
console.log(code);
