import { L402Error } from "../core/error.js";
import type { Network, Protocol } from "../core/parsers.js";

/** What a request costs: whole satoshis, 0 where it is free. */
export type Price = number | ((request: Request) => number);

/** The options of `testShop`. An unknown key is an error. */
export interface TestShopOptions {
  /** What each request costs that no token opens: whole satoshis, or a function. Default: 10. */
  price?: Price | undefined;
  /** How the shop asks to be paid. Several stand in one 402, in this order. Default: "l402". */
  protocol?: Protocol | readonly Protocol[] | undefined;
  /**
   * The network of the invoices. Nobody can pay them, on any network. x402 has names for "bitcoin" and "testnet" alone,
   * so its invoices are for "bitcoin" unless this is "testnet". Default: "regtest".
   */
  network?: Network | undefined;
  /** How many requests a token opens. Default: any number for L402 and LSAT, 1 for MPP. With x402 it is always 1. */
  uses?: number | undefined;
  /** Whether a token opens all of an origin, or the path that it was bought for. Default: "origin". */
  scope?: "origin" | "path" | undefined;
  /** For how many seconds an L402 or LSAT token opens what it was bought for. Default: for ever. */
  tokenSeconds?: number | undefined;
  /** For how many seconds an invoice can be paid. Default: 3600. */
  invoiceSeconds?: number | undefined;
  /** What the wallet has, in satoshis. Default: 1,000,000. */
  balance?: number | undefined;
  /** The routing fee that the wallet pays and reports, in millisatoshis. Default: 0. */
  feeMsat?: number | undefined;
  /** The clock of shop and wallet: milliseconds since the Unix epoch. Default: Date.now. */
  now?: (() => number) | undefined;
}

/**
 * The options that were checked.
 *
 * @internal
 */
export interface Settings {
  price: Price;
  protocols: readonly Protocol[];
  network: Network;
  uses: number | undefined;
  scope: "origin" | "path";
  tokenSeconds: number;
  invoiceSeconds: number;
  balance: number;
  feeMsat: number;
  now: () => number;
}

const PROTOCOLS: readonly Protocol[] = ["l402", "lsat", "mpp", "x402"];
const NETWORKS: readonly Network[] = ["bitcoin", "testnet", "signet", "regtest", "simnet"];
const SCOPES = ["origin", "path"] as const;
const KEYS: readonly string[] = [
  "price",
  "protocol",
  "network",
  "uses",
  "scope",
  "tokenSeconds",
  "invoiceSeconds",
  "balance",
  "feeMsat",
  "now",
] satisfies (keyof TestShopOptions)[];

// The largest amount whose millisatoshis are still exact in a JavaScript number.
const MOST_SAT = 9_007_199_254_740;
// Some 30 years.
const MOST_SECONDS = 1_000_000_000;

/**
 * Checks the options.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 * @internal
 */
export function readOptions(options: TestShopOptions): Settings {
  if (options === null || typeof options !== "object") throw invalid("the options of testShop must be an object");
  const strange = Object.keys(options).find((key) => !KEYS.includes(key));
  if (strange !== undefined) throw invalid(`${strange} is no option of testShop; there are: ${KEYS.join(", ")}`);
  const { protocol = "l402", network = "regtest", scope = "origin", now = Date.now } = options;
  const protocols = typeof protocol === "string" ? [protocol] : protocol;
  if (!Array.isArray(protocols) || protocols.length === 0 || !protocols.every((name) => PROTOCOLS.includes(name)))
    throw invalid(`protocol must be one of ${PROTOCOLS.join(", ")}, or a list of them`);
  if (!NETWORKS.includes(network)) throw invalid(`network must be one of ${NETWORKS.join(", ")}`);
  if (!SCOPES.includes(scope)) throw invalid(`scope must be one of ${SCOPES.join(", ")}`);
  if (typeof now !== "function") throw invalid("now must be a function");
  return {
    price: readPrice(options.price ?? 10, "price"),
    protocols: [...new Set(protocols)],
    network,
    uses: options.uses === undefined ? undefined : integer(options.uses, "uses", 1),
    scope,
    tokenSeconds:
      options.tokenSeconds === undefined ? Infinity : integer(options.tokenSeconds, "tokenSeconds", 1, MOST_SECONDS),
    invoiceSeconds: integer(options.invoiceSeconds ?? 3600, "invoiceSeconds", 1, MOST_SECONDS),
    balance: integer(options.balance ?? 1_000_000, "balance"),
    feeMsat: integer(options.feeMsat ?? 0, "feeMsat"),
    now,
  };
}

/** @internal */
export const readPrice = (price: Price, name: string): Price =>
  typeof price === "function" ? price : integer(price, name);

/**
 * A whole number.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 * @internal
 */
export function integer(value: number, name: string, min = 0, max = MOST_SAT): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} must be a whole number from ${min} to ${max}, not ${String(value)}`);
}

/** @internal */
export const invalid = (message: string): L402Error => new L402Error("invalid_options", message);
