import { sha256 } from "@noble/hashes/sha2.js";
import { randomBytes } from "@noble/hashes/utils.js";
import { hex } from "@scure/base";
import type { Network, Protocol } from "../core/parsers.js";
import { Faults } from "./faults.js";
import { Node } from "./invoice.js";
import * as l402 from "./l402.js";
import { Mint } from "./macaroon.js";
import * as mpp from "./mpp.js";
import { integer, invalid, type Settings } from "./options.js";
import { bought, type Route, routeOf } from "./routes.js";
import type { Credential, Refusal, Sale } from "./sale.js";
import type { SeenRequest, ShopFault } from "./shop.js";
import * as x402 from "./x402.js";

const FAULTS: readonly ShopFault[] = [
  "expired_invoice",
  "wrong_network",
  "other_hash",
  "expired_token",
  "refused",
  "request_lost",
  "answer_lost",
];

/** What a problem says, for people. */
const DETAILS: Record<Refusal, string> = {
  unknown: "this shop has made no such token, or the preimage is wrong",
  not_paid: "the shop does not know of the payment",
  used: "the token is used up",
  expired: "the token has expired",
  elsewhere: "the token is for another resource",
};

/** A request, and all that is known of it. */
interface Visit {
  request: Request;
  /** Without fragment. */
  url: string;
  route: Route | undefined;
  /** What a token for it is good for. */
  good: string;
  /** The only path that such a token opens. null: it opens several. */
  path: string | null;
  /** What x402 binds of it, where the shop sells so. */
  binding: Uint8Array | undefined;
  /** Unix seconds. */
  seconds: number;
}

/** What was found out about a request. */
interface Judged {
  opens: boolean;
  /** What it shows the token of. */
  sale: Sale | null;
  /** Why that opens nothing. null: it does, or nothing is shown. */
  refusal: Refusal | null;
}

const NOTHING: Judged = { opens: false, sale: null, refusal: null };

/** Where requests come in: it looks at their tokens, asks for money, and serves. */
export class Counter {
  /** By payment hash. */
  readonly sales = new Map<string, Sale>();
  readonly routes: Route[] = [];
  readonly faults = new Faults<ShopFault>(FAULTS);
  readonly node = new Node();
  requests: SeenRequest[] = [];
  challenges = 0;
  readonly #settings: Settings;
  readonly #mint = new Mint();
  readonly #charges = new mpp.Charges();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const { signal } = request;
    signal?.throwIfAborted();
    const aborted = new Promise<never>((_, fail) => {
      signal?.addEventListener("abort", () => fail(signal.reason), { once: true });
    });
    return Promise.race([this.#answer(request), aborted]);
  }

  async #answer(request: Request): Promise<Response> {
    const [url = ""] = request.url.split("#", 1);
    const protocol = protocolOf(request);
    if (protocol && this.faults.take("request_lost")) throw new TypeError("fetch failed: the request was lost");
    const seen: SeenRequest = { method: request.method, url, protocol, status: null };
    this.requests.push(seen);
    const response = await this.#visit(await this.#read(request, url));
    seen.status = response.status;
    if (protocol && this.faults.take("answer_lost")) throw new TypeError("fetch failed: the answer was lost");
    // A response that was made by hand has no URL.
    return Object.defineProperty(response, "url", { value: url });
  }

  async #read(request: Request, url: string): Promise<Visit> {
    const { protocols, scope, now } = this.#settings;
    const address = new URL(url);
    const route = routeOf(this.routes, address);
    const part = route?.price !== undefined ? route.path : scope === "path" ? address.pathname : "*";
    return {
      request,
      url,
      route,
      good: `${address.origin} ${part}`,
      path: part.endsWith("*") ? null : address.pathname,
      binding: protocols.includes("x402") ? await x402.bindingOf(request, url) : undefined,
      seconds: Math.floor(now() / 1000),
    };
  }

  async #visit(visit: Visit): Promise<Response> {
    const { request, route } = visit;
    const price = route?.price ?? this.#settings.price;
    const judged = price === 0 ? NOTHING : this.#judge(visit);
    if (!judged.opens) {
      const amountSat = typeof price === "function" ? integer(price(request), "what the price function gave") : price;
      if (amountSat > 0) return this.#challenge(visit, amountSat, judged);
    }
    const answer = await (route?.handler ?? bought)(request);
    if (typeof answer?.status !== "number") throw invalid(`what serves ${route?.path} gave no Response`);
    const { status, statusText, body } = answer;
    const headers = new Headers(answer.headers);
    if (judged.opens && judged.sale) this.#attest(judged.sale, visit, headers);
    return new Response(request.method === "HEAD" ? null : body, { status, statusText, headers });
  }

  /** Looks at what a request shows, and counts it. */
  #judge(visit: Visit): Judged {
    const credential = this.#credential(visit);
    if (credential === undefined) return NOTHING;
    const sale = credential && this.sales.get(credential.paymentHash);
    if (!credential || !sale || !proves(credential.preimage, sale)) return { ...NOTHING, refusal: "unknown" };
    sale.shown++;
    sale.protocol = credential.protocol;
    const refusal = this.#refusal(visit, credential, sale) ?? null;
    if (refusal === null) sale.opened++;
    return { opens: refusal === null, sale, refusal };
  }

  /** Why a token that is paid for opens nothing. */
  #refusal({ good }: Visit, { protocol, refusal }: Credential, sale: Sale): Refusal | undefined {
    const { uses = protocol === "mpp" ? 1 : Infinity } = this.#settings;
    if (this.faults.take("refused")) return "not_paid";
    if (refusal) return refusal;
    if (sale.good !== good) return "elsewhere";
    return sale.opened >= (protocol === "x402" ? 1 : uses) ? "used" : undefined;
  }

  /** What a request shows; undefined where it is nothing that this shop reads. */
  #credential({ request, binding, seconds }: Visit): Credential | null | undefined {
    const { protocols } = this.#settings;
    const signature = request.headers.get("payment-signature");
    if (signature && binding) return x402.read(signature, binding, this.sales, seconds);
    const authorization = request.headers.get("authorization") ?? "";
    if (protocols.includes("mpp") && authorization.startsWith("Payment ")) return this.#charges.read(authorization);
    const sellsTokens = protocols.includes("l402") || protocols.includes("lsat");
    return sellsTokens ? l402.read(authorization, this.#mint, request, seconds) : undefined;
  }

  /** Asks for money: a 402, or a 409 where x402 has it so. */
  #challenge(visit: Visit, amountSat: number, { sale: shown, refusal }: Judged): Response {
    const { protocols, network } = this.#settings;
    this.challenges++;
    const isForeign = this.faults.take("wrong_network");
    const isExpired = this.faults.take("expired_invoice");
    const sell = (usual: Network, about: string | Uint8Array) => {
      const foreign = usual === "testnet" ? "bitcoin" : "testnet";
      return this.#sell(visit, { amountSat, network: isForeign ? foreign : usual, about, isExpired });
    };

    const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
    const lines = this.#lines(visit, () => sell(network, `shop ${new URL(visit.url).pathname}`));
    if (lines.length > 0) headers.set("www-authenticate", lines.join(", "));
    const ofProof = shown?.protocol === "x402" ? refusal : null;
    if (visit.binding) {
      const sale = sell(ofX402(network), visit.binding);
      sale.entry = x402.entryOf(sale, visit.binding, this.node.id, this.#settings.invoiceSeconds);
      headers.set("payment-required", x402.required(sale.entry, visit.url, ofProof));
    }
    if (shown && ofProof) headers.set("payment-response", x402.responseOf(shown, ofProof));
    // Clients may ask again at once: no test has to wait.
    if (refusal === "not_paid") headers.set("retry-after", "0");
    const [status, title] = ofProof === "used" ? [409, "Conflict"] : [402, "Payment Required"];
    const type = protocols.includes("mpp") ? mpp.problem(refusal) : "about:blank";
    const detail = refusal ? DETAILS[refusal] : `this costs ${amountSat} sat`;
    const body = JSON.stringify({ type, title, status, detail });
    return new Response(visit.request.method === "HEAD" ? null : body, { status, headers });
  }

  /** The challenges of `WWW-Authenticate`, all for one invoice. */
  #lines(visit: Visit, sell: () => Sale): string[] {
    const { protocols, tokenSeconds } = this.#settings;
    const named = protocols.filter((protocol) => protocol !== "x402");
    if (named.length === 0) return [];
    const sale = sell();
    const paymentHash = this.faults.take("other_hash") ? hex.encode(randomBytes(32)) : sale.paymentHash;
    const until = visit.seconds + (this.faults.take("expired_token") ? -1 : tokenSeconds);
    const token = l402.token(this.#mint, paymentHash, until, visit.path);
    return named.map((protocol) =>
      protocol === "mpp" ? this.#charges.challenge(sale, paymentHash) : l402.challenge(protocol, token, sale.invoice),
    );
  }

  #sell(
    { url, good, seconds }: Visit,
    {
      amountSat,
      network,
      about,
      isExpired,
    }: { amountSat: number; network: Network; about: string | Uint8Array; isExpired: boolean },
  ): Sale {
    const { invoiceSeconds } = this.#settings;
    const timestamp = isExpired ? seconds - invoiceSeconds - 1 : seconds;
    const preimage = randomBytes(32);
    const paymentHash = sha256(preimage);
    const invoice = this.node.invoice({
      network,
      amountSat,
      paymentHash,
      description: about,
      timestamp,
      expirySeconds: invoiceSeconds,
    });
    const sale: Sale = {
      paymentHash: hex.encode(paymentHash),
      preimage: hex.encode(preimage),
      invoice,
      network,
      amountSat,
      url,
      good,
      expiresAt: timestamp + invoiceSeconds,
      state: "open",
      protocol: null,
      shown: 0,
      opened: 0,
    };
    this.sales.set(sale.paymentHash, sale);
    return sale;
  }

  /** Says in the answer what it was paid by. L402 has no receipts. */
  #attest(sale: Sale, { request }: Visit, headers: Headers): void {
    const { protocol, paymentHash } = sale;
    if (protocol === "x402") headers.set("payment-response", x402.responseOf(sale, null));
    if (protocol !== "mpp") return;
    const authorization = request.headers.get("authorization") ?? "";
    headers.set("payment-receipt", this.#charges.receipt(authorization, paymentHash, this.#settings.now()));
  }
}

/** The network of x402's invoices: it has names for two. */
export const ofX402 = (network: Network): Network => (network === "testnet" ? "testnet" : "bitcoin");

/** The protocol of what a request shows. */
function protocolOf({ headers }: Request): Protocol | null {
  if (headers.has("payment-signature")) return "x402";
  const [, scheme] = /^(L402|LSAT|Payment) /.exec(headers.get("authorization") ?? "") ?? [];
  return ({ L402: "l402", LSAT: "lsat", Payment: "mpp" } as const)[scheme ?? ""] ?? null;
}

const proves = (preimage: unknown, { paymentHash }: Sale): boolean =>
  typeof preimage === "string" &&
  /^[0-9a-f]{64}$/.test(preimage) &&
  hex.encode(sha256(hex.decode(preimage))) === paymentHash;
