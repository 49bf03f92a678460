import type { Network, Protocol } from "../core/parsers.js";
import { Counter, ofX402 } from "./counter.js";
import { type Price, readOptions, readPrice, type TestShopOptions } from "./options.js";
import { type Handler, readRoute } from "./routes.js";
import type { Sale } from "./sale.js";
import { openWallet, type TestWallet } from "./wallet.js";

/**
 * What can go wrong with the shop. In its 402:
 *
 * - `expired_invoice`: the invoice has expired.
 * - `wrong_network`: the invoice is for a network that is not in `networks`.
 * - `other_hash`: the token belongs to another payment than the invoice. Not with x402.
 * - `expired_token`: the token has already expired. With L402 and LSAT.
 *
 * After a payment:
 *
 * - `refused`: the token opens nothing. A few times: the shop learns late of the payment. Always: it takes money and
 *   gives nothing.
 * - `request_lost`: the network fails before the shop sees the request with the token.
 * - `answer_lost`: the network fails after the shop has answered it.
 */
export type ShopFault =
  | "expired_invoice"
  | "wrong_network"
  | "other_hash"
  | "expired_token"
  | "refused"
  | "request_lost"
  | "answer_lost";

/** A request as the shop saw it. */
export interface SeenRequest {
  /** In upper case, as "GET". */
  method: string;
  /** Without fragment. */
  url: string;
  /** The protocol of the credential that came along. null: there was none. */
  protocol: Protocol | null;
  /** The status that was answered. null: it is not answered yet. */
  status: number | null;
}

/** A payment that the shop received. */
export interface ReceivedPayment {
  /** In hex. */
  paymentHash: string;
  /** Satoshis, without the routing fee. */
  amountSat: number;
  /** The URL whose 402 held the invoice, without fragment. */
  url: string;
  /** As the wallet got it. */
  invoice: string;
  /** In hex: what a wallet's history would show to a person. */
  preimage: string;
  /** The protocol by which its token was shown. null: it was not shown yet. */
  protocol: Protocol | null;
  /** How often its token was shown, refused or not. */
  shown: number;
  /** How often its token opened something. */
  opened: number;
}

/** The shop: what it has seen, what it sells, and what goes wrong. */
export interface Shop {
  /** The requests, oldest first. */
  readonly requests: SeenRequest[];
  /** The payments, oldest first. */
  readonly payments: ReceivedPayment[];
  /** The sum of the payments, in satoshis. */
  readonly satsReceived: number;
  /** How often it asked for money. */
  readonly challenges: number;
  /** The public key of the node that signs the invoices, in hex. */
  readonly payee: string;
  /** What a request costs from now on: whole satoshis, or a function. */
  price: Price;
  /**
   * Answers a path by a function of yours, once it is paid for. Else the answer is the JSON `{ bought: "/path" }`. If
   * several functions serve a path, the last one is asked.
   *
   * @param path a path ("/weather"), all below one ("/files/*"), or either with an origin
   *   ("https://a.example/weather"); the query is not compared
   * @param options `price`: that of this path, 0 where it is free. A token that was bought at a price of its own opens
   *   nothing else.
   * @throws {L402Error} `invalid_options`
   */
  serve(path: string, handler: Handler, options?: { price?: Price | undefined }): void;
  /**
   * Lets the next answers go wrong.
   *
   * @param times how many of them; 0 ends the fault. Default: all
   * @throws {L402Error} `invalid_options`
   */
  fail(fault: ShopFault, times?: number): void;
  /**
   * Forgets what was counted, and ends all faults of shop and wallet. Payments that are under way fail. What was sold
   * stays sold.
   */
  reset(): void;
}

/** What `testShop` gives. All but `shop` are options of `createFetch`, and `{ ...testShop() }` has these alone. */
export interface TestShop {
  /** Answers every URL, without a network. It follows no redirects. */
  fetch: typeof globalThis.fetch;
  /** Pays the invoices of this shop, and no others. */
  wallet: TestWallet;
  /** The networks of the invoices. */
  networks: Network[];
  /** What was asked and paid, what is sold, and what goes wrong. */
  shop: Shop;
}

/**
 * A shop that sells over Lightning, and a wallet that pays there, in memory. Invoices, tokens and proofs are real ones,
 * the money is not.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 */
export function testShop(options: TestShopOptions = {}): TestShop {
  const settings = readOptions(options);
  const { protocols, network } = settings;
  const counter = new Counter(settings);
  const received: Sale[] = [];
  const { wallet, reset } = openWallet(counter.sales, received, settings);
  const shop: Shop = {
    get requests() {
      return counter.requests.map((request) => ({ ...request }));
    },
    get payments() {
      return received.map(({ paymentHash, amountSat, url, invoice, preimage, protocol, shown, opened }) => {
        return { paymentHash, amountSat, url, invoice, preimage, protocol, shown, opened };
      });
    },
    get satsReceived() {
      return received.reduce((sum, { amountSat }) => sum + amountSat, 0);
    },
    get challenges() {
      return counter.challenges;
    },
    payee: counter.node.id,
    get price() {
      return settings.price;
    },
    set price(price) {
      settings.price = readPrice(price, "price");
    },
    serve(path, handler, options) {
      counter.routes.push(readRoute(path, handler, options));
    },
    fail: (fault, times) => counter.faults.set(fault, times),
    reset() {
      counter.requests = [];
      counter.challenges = 0;
      counter.faults.clear();
      received.length = 0;
      reset();
    },
  };
  const networks = protocols.map((protocol) => (protocol === "x402" ? ofX402(network) : network));
  const world = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) => counter.fetch(input, init),
    wallet,
    networks: [...new Set(networks)],
  };
  // The shop is no option, so `{ ...testShop() }` leaves it out.
  return Object.defineProperty(world as TestShop, "shop", { value: shop });
}
