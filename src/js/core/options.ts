import { L402Error } from "./error.js";
import { readHost } from "./host.js";
import type { Limits, Remaining, Scope, SessionLimits } from "./limits.js";
import type { Network, Protocol } from "./parsers.js";
import type { Payment, PaymentEvent, Quote } from "./payment.js";
import type { BoundStore, Store } from "./store.js";
import type { NwcClient, PayFunction, Wallet, WebLNProvider } from "./wallet.js";

/** The options of `createFetch`. An unknown key is an error. An optional key that is undefined counts as absent. */
export interface Options {
  /** Pays the invoices: a function, a WebLN provider (`window.webln`), an NWC client with `payInvoice`, or a Wallet. */
  wallet: Wallet | PayFunction | WebLNProvider | NwcClient;
  /** How much may be spent. */
  limits: Limits;
  /** Keeps what was paid and bought. Default: memory. */
  store?: Store | undefined;
  /**
   * Asked before each payment above `approveAbove`, after every other check, one question at a time. Anything but true
   * refuses with `declined`. Like `wallet`, `fetch` and `onEvent` it runs in the async context (`AsyncLocalStorage`) of
   * the call that caused it. If calls share a purchase, that is the context of the call that pays.
   */
  approve?: Approve | undefined;
  /** `approve` is asked only above so many satoshis, fee reserve included. Default: 0, which asks always. */
  approveAbove?: number | undefined;
  /** Networks whose invoices may be paid. Default: ["bitcoin"]. */
  networks?: Network[] | undefined;
  /**
   * Origins ("https://api.example.com") or host patterns ("api.example.com", "api.example.com:8443", "*.example.com")
   * that may be paid. A host without port means any port. `*.` stands for one or more labels, not for the bare domain.
   * Default: any https host, and loopback. An empty list pays nobody.
   */
  hosts?: string[] | undefined;
  /**
   * Hosts that may be paid, and sent tokens, over plain http: host patterns as in `hosts`. Loopback and .onion are
   * always allowed. If `hosts` is set, these must be in it too. Default: none.
   */
  insecureHosts?: string[] | undefined;
  /** Preference among the offers of one 402. Default: ["l402", "lsat", "mpp", "x402"]. */
  protocols?: Protocol[] | undefined;
  /**
   * Lets MPP sessions be paid: one deposit for many requests. Absent: never. The wallet must be able to make invoices,
   * since what is left of a deposit comes back to one.
   */
  sessions?: SessionLimits | undefined;
  /**
   * "preimage" (default) demands proof of payment. "none" also accepts a wallet that only answers `true`; the token is
   * then sent without a preimage.
   */
  proof?: "preimage" | "none" | undefined;
  /**
   * Milliseconds to wait for the wallet, 1 to 2147483647. After that the outcome counts as unknown. A later answer is
   * still recorded. Default: 300000.
   */
  paymentTimeout?: number | undefined;
  /**
   * Sends the requests. Any implementation will do. Default: the `fetch` that is global when `createFetch` is called.
   */
  fetch?: typeof globalThis.fetch | undefined;
  /** The clock: milliseconds since the Unix epoch. Default: Date.now. */
  now?: (() => number) | undefined;
  /**
   * Asked if nobody can tell the outcome of a payment, for example to ask a person. `{ preimage }` or "failed" settles
   * the payment. "wait", a preimage that proves nothing, or a throw leaves it open. It is asked one question at a time,
   * and only once no order is out any more.
   */
  onUnknown?: ((payment: Payment, error: L402Error) => Promise<{ preimage: string } | "failed" | "wait">) | undefined;
  /** Called at each step. What it throws is ignored. */
  onEvent?: ((event: PaymentEvent) => void) | undefined;
}

/** Decides whether to pay. Only true allows the payment. */
export type Approve = (quote: Quote, context: ApproveContext) => boolean | Promise<boolean>;

/** What `approve` gets besides the quote. */
export interface ApproveContext {
  /** Fires once every call that wants this purchase was aborted, so that a dialog can close. */
  signal: AbortSignal;
  /** The most that the routing fee may be; possibly 0. */
  maxFeeMsat: number;
  /** What the limits leave before this payment. */
  remaining: Remaining;
}

const NETWORKS: readonly Network[] = ["bitcoin", "testnet", "signet", "regtest", "simnet"];
const PROTOCOLS: readonly Protocol[] = ["l402", "lsat", "mpp", "x402"];

// The largest amount whose millisatoshis are still exact in a JavaScript number.
const MAX_SAT = 9_007_199_254_740;
// The longest delay of a timer. A longer one fires at once.
const MAX_TIMEOUT = 2147483647;

const LEVEL = ["perPayment", "perHour", "perDay", "total", "payments"] as const;
const COUNTS = ["perMinute", "perHour", "perDay"] as const;
/** All keys that are known, by where they stand. */
const KEYS = {
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
    "onUnknown",
  ],
  "limits.": [...LEVEL, "perOrigin"],
  "limits.payments.": COUNTS,
  "limits.perOrigin.": LEVEL,
  "limits.perOrigin.payments.": COUNTS,
  "sessions.": ["maxDeposit"],
  "within.": ["name", "limits", "approve", "onEvent"],
} satisfies Record<string, readonly string[]>;

/**
 * The options in plain JSON, for the core: amounts in satoshis, null where there is no limit, `hosts` null for the
 * default.
 *
 * @internal
 */
export interface Config {
  approveAbove: number;
  networks: readonly Network[];
  hosts: string[] | null;
  insecureHosts: string[];
  protocols: readonly Protocol[];
  maxDeposit: number | null;
  proof: "preimage" | "none";
  paymentTimeout: number;
}
/**
 * The limits as the core reads them, null where there is none. First those of all origins: for one payment, the hour,
 * the day and ever in satoshis; then for orders in a minute, an hour and a day. Then those of each origin, in the same
 * order.
 *
 * @internal
 */
export type Level = (number | null)[];

/**
 * The options that were checked.
 *
 * @internal
 */
export interface ReadOptions extends ReadScope {
  config: Config;
  wallet: Options["wallet"];
  method: WalletMethod | null;
  store: BoundStore | undefined;
  fetch: typeof globalThis.fetch;
  now: () => number;
  onUnknown: Options["onUnknown"];
}
/**
 * A scope that was checked. The client itself is the outermost one.
 *
 * @internal
 */
export interface ReadScope {
  limits: Level;
  approve: Approve | undefined;
  onEvent: Options["onEvent"];
  name?: string | undefined;
  outer?: ReadScope;
}
/**
 * The method that a wallet is asked by.
 *
 * @internal
 */
export type WalletMethod = "pay" | "sendPayment" | "payInvoice";

/** What stands under a key, of which nothing is known yet. */
type Keys = Record<string, unknown>;
type Place = keyof typeof KEYS;

/**
 * Checks the options of `createFetch`. Every key is read once, inherited ones and getters included, and only checked
 * values are handed on. A key that is not known is an error: it may be a limit with a typo.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 * @internal
 */
export function readOptions(options: Options): ReadOptions {
  const given = readKeys(options, "");
  const { proof = "preimage", paymentTimeout = 300000, approveAbove = 0, store, now = () => Date.now() } = given;
  const scope = scopeOf(given);
  if (scope.limits[0] === null) throw invalid("limits.perPayment is missing");
  return {
    config: {
      approveAbove: integer(approveAbove, "approveAbove"),
      networks: names(given.networks, "networks", NETWORKS) ?? ["bitcoin"],
      hosts: list(given.hosts, "hosts", host) ?? null,
      insecureHosts: list(given.insecureHosts, "insecureHosts", host) ?? [],
      protocols: names(given.protocols, "protocols", PROTOCOLS) ?? PROTOCOLS,
      maxDeposit: deposits(given),
      proof: name(proof, "proof", ["preimage", "none"]),
      paymentTimeout: integer(paymentTimeout, "paymentTimeout", 1, MAX_TIMEOUT, "milliseconds"),
    },
    wallet: required(given, "wallet") as Options["wallet"],
    method: walletMethod(given.wallet),
    store: store === undefined ? store : readStore(store),
    fetch: readFetch(given),
    now: mustBeFunction(now, "now") as () => number,
    onUnknown: optionalFunction(given, "onUnknown"),
    ...scope,
  };
}

/**
 * Checks the argument of `within`, as `readOptions` does those of `createFetch`.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 * @internal
 */
export function readScope(scope: Scope, outer: ReadScope): ReadScope {
  const given = readKeys(scope, "within.");
  const { name } = given as { name?: string };
  if (name !== undefined && !(typeof name === "string" && /^[^/]{1,100}$/.test(name)))
    throw invalid("name must be a string of 1 to 100 characters without /");
  return { ...scopeOf(given), name, outer };
}

/** What a scope and the client have in common. */
const scopeOf = (given: Keys) => ({
  limits: level(required(given, "limits"), "limits."),
  approve: optionalFunction(given, "approve"),
  onEvent: optionalFunction(given, "onEvent"),
});

function invalid(message: string) {
  return new L402Error("invalid_options", message);
}

/** What a value is, without showing it: it may be a secret in the wrong place. Numbers are shown. */
function kind(value: unknown) {
  if (value == null || typeof value === "number") return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function readKeys(object: unknown, prefix: Place): Keys {
  if (object === null || typeof object !== "object" || Array.isArray(object)) {
    throw invalid(`${prefix.slice(0, -1) || "options"} must be an object, not ${kind(object)}`);
  }
  const known: readonly string[] = KEYS[prefix];
  for (const key in object) {
    if (known.includes(key) || !has(object, key)) continue;
    const meant = nearest(key, prefix);
    throw invalid(`${prefix}${key} is not a known option${meant ? `, did you mean ${meant}?` : ""}`);
  }
  return Object.fromEntries(
    known.map((key) => [key, key in Object.prototype && !has(object, key) ? undefined : (object as Keys)[key]]),
  );
}

/** Whether an object has a key, inherited or not. What a page added to every object's prototype is no option. */
function has(object: object | null, key: string): boolean {
  return (
    !!object && object !== Object.prototype && (Object.hasOwn(object, key) || has(Object.getPrototypeOf(object), key))
  );
}

function required(object: Keys, key: string): unknown {
  if (object[key] === undefined) throw invalid(`${key} is missing`);
  return object[key];
}

/** The known key that a mistyped or misplaced one stands for: the nearest, at the same place first, then elsewhere. */
function nearest(key: string, prefix: Place) {
  for (let most = 0; most < Math.min(3, key.length / 2); most++) {
    for (const place of [prefix, ...(Object.keys(KEYS) as Place[])]) {
      const known = KEYS[place].find((known) => isNear(key.toLowerCase(), known.toLowerCase(), most));
      if (known) return place + known;
    }
  }
  return undefined;
}

/**
 * Whether at most so many letters must be put in, left out or exchanged to make one word of the other.
 *
 * @internal
 */
export function isNear(a: string, b: string, most: number): boolean {
  const [c, d] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return !a || isNear(c, d, most);
  const left = most - 1;
  return left >= 0 && (isNear(c, b, left) || isNear(a, d, left) || isNear(c, d, left));
}

/** @internal */
export function integer(value: unknown, path: string, min = 0, max = MAX_SAT, unit = "satoshis") {
  const number = value as number;
  if (!Number.isInteger(number) || number < min || number > max) {
    throw invalid(`${path} must be a whole number of ${unit} from ${min} to ${max}, not ${kind(value)}`);
  }
  return number + 0; // -0 becomes 0
}

/** All limits, in the order of their keys. */
const level = (given: unknown, prefix: Place): Level =>
  Object.entries(readKeys(given, prefix)).flatMap(([key, value]): Level => {
    const path = prefix + key;
    if (`${path}.` in KEYS) return level(value === undefined ? {} : value, `${path}.` as Place);
    return [value === undefined ? null : integer(value, path, 0, MAX_SAT, /payments/.exec(path)?.[0])];
  });

function name<Name>(value: unknown, path: string, allowed: readonly Name[]) {
  if (!allowed.includes(value as Name)) throw invalid(`${path} must be one of ${allowed.join(", ")}`);
  return value as Name;
}

/** @internal */
export function list<Item>(value: unknown, path: string, read: (item: unknown, path: string) => Item) {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid(`${path} must be an array, not ${kind(value)}`);
  return Array.from(value, (item, i) => read(item, `${path}[${i}]`));
}

/** An empty list of networks or protocols could pay nothing at all: surely a mistake. No hosts means: pay nobody. */
function names<Name>(value: unknown, path: string, allowed: readonly Name[]) {
  const read = list(value, path, (item, at) => name(item, at, allowed));
  if (read?.length === 0) throw invalid(`${path} must not be empty: leave it out for the default`);
  return read;
}

/** @internal */
export function host(value: unknown, path: string) {
  const read = readHost(value);
  if (read !== undefined) return read;
  throw invalid(
    `${path} must be an origin (https://api.example.com) or a host pattern (*.example.com:8443), without a path`,
  );
}

/** @internal */
export function mustBeFunction(value: unknown, path: string) {
  if (typeof value !== "function") throw invalid(`${path} must be a function, not ${kind(value)}`);
  return value;
}

/** What the types promise of it is for the caller to keep: every call reckons with anything. */
const optionalFunction = <Key extends keyof Options>(given: Keys, key: Key): Options[Key] | undefined =>
  given[key] === undefined ? undefined : (mustBeFunction(given[key], key) as Options[Key]);

/**
 * The fetch of this moment, since `globalThis.fetch = createFetch(…)` must not call itself. It is bound to no `this`:
 * browsers refuse to run fetch as a method of anything but the window.
 */
function readFetch(given: Keys) {
  const fetch = optionalFunction(given, "fetch") ?? globalThis.fetch;
  if (typeof fetch !== "function") throw invalid("fetch is missing: pass one, this runtime has none");
  return fetch.bind(undefined);
}

/**
 * The method that `wallet` is asked by, null where it is a function. It is read once, so that a method that goes away
 * is missed.
 *
 * @internal
 */
export function walletMethod(wallet: unknown): WalletMethod | null {
  const method = (["pay", "sendPayment", "payInvoice"] as const).find(
    (key) => typeof (wallet as Keys | undefined)?.[key] === "function",
  );
  if (method || typeof wallet === "function") return method ?? null;
  throw invalid("wallet must be a function, or have a method pay, sendPayment (WebLN) or payInvoice (NWC)");
}

/** The most in open sessions; null where none is to be paid. */
function deposits({ sessions, wallet }: Keys) {
  if (sessions === undefined) return null;
  const most = integer(required(readKeys(sessions, "sessions."), "maxDeposit"), "sessions.maxDeposit");
  if (walletMethod(wallet) !== "pay" || typeof (wallet as Keys).makeInvoice !== "function") {
    throw invalid("sessions need a wallet with pay and makeInvoice, so that what is left of a deposit comes back");
  }
  return most;
}

/** The store's methods, bound: what was checked is what will be called. */
function readStore(store: unknown) {
  const bound: Partial<BoundStore> = {};
  for (const key of ["read", "write", "list"] as const)
    bound[key] = mustBeFunction((store as Keys | null)?.[key], `store.${key}`).bind(store);
  return bound as BoundStore;
}
