import { L402Error } from "./error.js";

const NETWORKS = ["bitcoin", "testnet", "signet", "regtest", "simnet"];
const PROTOCOLS = ["l402", "lsat", "mpp", "x402"];

// The largest amount whose millisatoshis are still exact in a JavaScript number.
const MAX_SAT = Math.floor(Number.MAX_SAFE_INTEGER / 1000);
// The longest delay that a timer takes; a longer one would fire at once.
const MAX_TIMEOUT = 2147483647;

const WINDOWS = ["perHour", "perDay", "total"];
const KEYS = {
  "": [
    "wallet",
    "limits",
    "store",
    "approve",
    "networks",
    "hosts",
    "insecureHosts",
    "protocols",
    "proof",
    "paymentTimeout",
    "fetch",
    "now",
    "onEvent",
    "onUnknown",
  ],
  "limits.": ["perPayment", ...WINDOWS, "perOrigin"],
  "limits.perOrigin.": WINDOWS,
};

/**
 * Checks the options of `createFetch`. Every key is read once, inherited ones and getters included, and only what was
 * checked is handed on. Fails closed: a key that is not known is an error, never ignored, as it may be a limit.
 *
 * @param {import("./index.d.ts").Options} options
 * @returns {{ config: object, wallet: object, method: string | null, store: object | undefined, approve: Function | undefined, fetch: Function,
 *   now: () => number, onEvent: Function | undefined, onUnknown: Function | undefined }} `config` is plain JSON for the core: amounts in satoshis, null
 *   where there is no limit, `hosts` null for the default.
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function readOptions(options) {
  const given = readKeys(options, "");
  const limits = readKeys(required(given, "limits"), "limits.");
  const { perOrigin = {} } = limits;
  const { proof = "preimage", paymentTimeout = 300000, store, now = () => Date.now() } = given;
  return {
    config: {
      perPayment: amount(required(limits, "perPayment", "limits."), "limits.perPayment"),
      ...windows(limits, "limits."),
      perOrigin: windows(readKeys(perOrigin, "limits.perOrigin."), "limits.perOrigin."),
      networks: names(given.networks, "networks", NETWORKS) ?? ["bitcoin"],
      hosts: list(given.hosts, "hosts", host) ?? null,
      insecureHosts: list(given.insecureHosts, "insecureHosts", host) ?? [],
      protocols: names(given.protocols, "protocols", PROTOCOLS) ?? PROTOCOLS,
      proof: name(proof, "proof", ["preimage", "none"]),
      paymentTimeout: integer(paymentTimeout, "paymentTimeout", 1, MAX_TIMEOUT, "milliseconds"),
    },
    wallet: required(given, "wallet"),
    method: walletMethod(given.wallet),
    store: store === undefined ? store : readStore(store),
    approve: optionalFunction(given, "approve"),
    fetch: readFetch(given),
    now: optionalFunction({ now }, "now"),
    onEvent: optionalFunction(given, "onEvent"),
    onUnknown: optionalFunction(given, "onUnknown"),
  };
}

function invalid(message) {
  return new L402Error("invalid_options", message);
}

/** What a value is, without showing it: it may be a secret in the wrong place. Numbers are shown. */
function kind(value) {
  if (value == null || typeof value === "number") return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function readKeys(object, prefix) {
  if (object === null || typeof object !== "object" || Array.isArray(object)) {
    throw invalid(`${prefix.slice(0, -1) || "options"} must be an object, not ${kind(object)}`);
  }
  const known = KEYS[prefix];
  for (const key in object) {
    if (known.includes(key) || !has(object, key)) continue;
    const meant = nearest(key, prefix);
    throw invalid(`${prefix}${key} is not a known option` + (meant ? `, did you mean ${meant}?` : ""));
  }
  return Object.fromEntries(
    known.map((key) => [key, key in Object.prototype && !has(object, key) ? undefined : object[key]]),
  );
}

/** Whether an object has a key, inherited or not. What a page added to every object's prototype is no option. */
function has(object, key) {
  return (
    object && object !== Object.prototype && (Object.hasOwn(object, key) || has(Object.getPrototypeOf(object), key))
  );
}

function required(object, key, prefix = "") {
  if (object[key] === undefined) throw invalid(`${prefix}${key} is missing`);
  return object[key];
}

/** The known key that a mistyped or misplaced one stands for: the nearest, at the same place first, then elsewhere. */
function nearest(key, prefix) {
  for (let most = 0; most < Math.min(3, key.length / 2); most++) {
    for (const place of [prefix, ...Object.keys(KEYS)]) {
      const known = KEYS[place].find((known) => isNear(key.toLowerCase(), known.toLowerCase(), most));
      if (known) return place + known;
    }
  }
}

/** Whether at most so many letters must be put in, left out or exchanged to make one word of the other. */
function isNear(a, b, most) {
  const [[first, ...c], [other, ...d]] = [a, b];
  if (first === other) return !first || isNear(c, d, most);
  return most-- > 0 && (isNear(c, b, most) || isNear(a, d, most) || isNear(c, d, most));
}

function integer(value, path, min, max, unit) {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(`${path} must be a whole number of ${unit} from ${min} to ${max}, not ${kind(value)}`);
  }
  return value + 0; // -0 becomes 0
}

function amount(value, path) {
  return integer(value, path, 0, MAX_SAT, "satoshis");
}

function windows(limits, prefix) {
  return Object.fromEntries(
    WINDOWS.map((key) => [key, limits[key] === undefined ? null : amount(limits[key], prefix + key)]),
  );
}

function name(value, path, allowed) {
  if (!allowed.includes(value)) throw invalid(`${path} must be one of ${allowed.join(", ")}`);
  return value;
}

function list(value, path, read) {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid(`${path} must be an array, not ${kind(value)}`);
  return Array.from(value, (item, i) => read(item, `${path}[${i}]`));
}

/** An empty list of networks or protocols could pay nothing at all: surely a mistake. No hosts means: pay nobody. */
function names(value, path, allowed) {
  const read = list(value, path, (item, at) => name(item, at, allowed));
  if (read?.length === 0) throw invalid(`${path} must not be empty: leave it out for the default`);
  return read;
}

/**
 * An origin or a host pattern, in the form in which URLs show theirs: lower case, punycode, an origin without its
 * scheme's default port. A pattern keeps every port it names, 443 too: without a port it means any.
 */
function host(value, path) {
  const [, scheme, wildcard, given, port] =
    (typeof value === "string" &&
      /^(https?:\/\/)?(\*\.)?(\[[^\]]*\]|[^\s:/?#@\\%*[\]]+)(?::(\d{1,5}))?$/i.exec(value)) ||
    [];
  if (given && !(scheme && wildcard) && !/^\.|\.\./.test(given) && !(+port < 1)) {
    try {
      const { origin, hostname } = new URL((scheme ?? "http://") + given + (port ? `:${port}` : ""));
      if (scheme) return origin;
      if (hostname && !(wildcard && /^\[|^[\d.]+$/.test(hostname)))
        return (wildcard ?? "") + hostname + (port ? `:${+port}` : "");
    } catch {
      // No host, says the URL parser.
    }
  }
  throw invalid(
    `${path} must be an origin (https://api.example.com:8443) or a host pattern ` +
      "(api.example.com, *.example.com), without a path",
  );
}

function mustBeFunction(value, path) {
  if (typeof value !== "function") throw invalid(`${path} must be a function, not ${kind(value)}`);
  return value;
}

const optionalFunction = (given, key) => (given[key] === undefined ? undefined : mustBeFunction(given[key], key));

/** The fetch of now, not of later: `globalThis.fetch = createFetch(…)` must not call itself. Without a `this`, for
 *  browsers refuse to run fetch as a method of anything but the window. */
function readFetch(given) {
  const fetch = optionalFunction(given, "fetch") ?? globalThis.fetch;
  if (typeof fetch !== "function") throw invalid("fetch is missing: this runtime has none of its own, pass one");
  return fetch.bind(undefined);
}

/** The method that `wallet` is asked by, null where it is a function: known from now on, so that one that goes is missed. */
export function walletMethod(wallet) {
  const method = ["pay", "sendPayment", "payInvoice"].find((key) => typeof wallet?.[key] === "function");
  if (method || typeof wallet === "function") return method ?? null;
  throw invalid("wallet must be a function, or have a method pay, sendPayment (WebLN) or payInvoice (NWC)");
}

/** The store's methods, bound: what was checked is what will be called. */
function readStore(store) {
  const bound = {};
  for (const key of ["get", "set", "delete", "lock"]) {
    const method = store?.[key];
    if (key === "lock" && method === undefined) continue;
    bound[key] = mustBeFunction(method, `store.${key}`).bind(store);
  }
  return bound;
}
