// The whole surface, used as a caller would, under the strictest settings. Checked by tsc, never run.
import {
  type attenuateMacaroon,
  createFetch,
  type decodeInvoice,
  type decodeMacaroon,
  L402Error,
  memoryStore,
  type parseChallenges,
  receiptOf,
  type recoverPayee,
  type Challenge,
  type ClosedSession,
  type ErrorCode,
  type Filter,
  type Invoice,
  type InvoiceOrder,
  type Limits,
  type ListOptions,
  type Macaroon,
  type Network,
  type NwcClient,
  type Options,
  type OrderLimits,
  type PaidFetch,
  type PayContext,
  type PayFunction,
  type Payment,
  type PaymentEvent,
  type PayResult,
  type Protocol,
  type Quote,
  type Receipt,
  type Remaining,
  type Scope,
  type Session,
  type SessionLimits,
  type Store,
  type Wallet,
  type WebLNProvider,
} from "../../dist/index.js";
import { NWCClient } from "@getalby/sdk/nwc";
import {
  type AgentContext,
  type AgentOptions,
  type AgentResult,
  type AgentTool,
  agentTools,
} from "../../dist/agents/index.js";
import { durableObjectStore } from "../../dist/stores/durable-object.js";
import { L402Ledger } from "../../dist/stores/durable-object/ledger.js";
import { indexedDBStore } from "../../dist/stores/indexeddb.js";
import { sqliteStore } from "../../dist/stores/sqlite.js";
import {
  type Handler,
  type Price,
  type ReceivedPayment,
  type SeenRequest,
  type Shop,
  type ShopFault,
  type TestShop,
  testShop,
  type TestShopOptions,
  type TestWallet,
  type WalletFault,
} from "../../dist/testing.js";
import { cln } from "../../dist/wallets/cln.js";
import { walletFromEnv } from "../../dist/wallets/env.js";
import { lnbits } from "../../dist/wallets/lnbits.js";
import { lnd } from "../../dist/wallets/lnd.js";
import { nwc } from "../../dist/wallets/nwc.js";
import { phoenixd } from "../../dist/wallets/phoenixd.js";
import { webln } from "../../dist/wallets/webln.js";

/** Fails to compile unless A and B are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
function is<_T extends true>(): void {}

// The smallest use.
const pay: PaidFetch = createFetch({ wallet: async () => "00".repeat(32), limits: { perPayment: 100 } });
const response: Response = await pay("https://api.example.com/weather");

// As a fetch, and detached from its object.
globalThis.fetch = pay;
const asFetch: typeof globalThis.fetch = pay;
const { quote, payments, spent, remaining, resolve, forget, sessions, closeSessions, balanceMsat, warm, within } = pay;
await asFetch(new Request("https://a.b"), { method: "POST", body: "x", signal: AbortSignal.timeout(5) });
await pay(new URL("https://a.b"), { headers: { a: "b" } });

is<Same<Awaited<ReturnType<typeof quote>>, Quote | null>>();
is<Same<Awaited<ReturnType<typeof payments>>, Payment[]>>();
is<Same<Awaited<ReturnType<typeof spent>>, { hour: number; day: number; total: number }>>();
is<Same<Awaited<ReturnType<typeof remaining>>, Remaining>>();
is<
  Same<
    Remaining,
    { payment: number; hour: number | null; day: number | null; total: number | null; payments: number | null }
  >
>();
is<Same<ReturnType<typeof within>, PaidFetch>>();
is<Same<Awaited<ReturnType<typeof resolve>>, void>>();
is<Same<Awaited<ReturnType<typeof forget>>, void>>();
is<Same<Awaited<ReturnType<typeof sessions>>, Session[]>>();
is<Same<Awaited<ReturnType<typeof closeSessions>>, ClosedSession[]>>();
const deposits: SessionLimits = { maxDeposit: 5 };
await closeSessions("https://a.b");
is<Same<Awaited<ReturnType<typeof balanceMsat>>, number | null>>();
is<Same<ReturnType<typeof warm>, Promise<void>>>();
is<Same<ReturnType<typeof receiptOf>, Receipt | undefined>>();
is<Same<ReturnType<typeof parseChallenges>, Promise<Challenge[]>>>();
is<Same<ReturnType<typeof decodeInvoice>, Promise<Invoice>>>();
is<Same<ReturnType<typeof decodeMacaroon>, Promise<Macaroon>>>();
is<Same<ReturnType<typeof attenuateMacaroon>, Promise<string>>>();
is<Same<ReturnType<typeof recoverPayee>, Promise<string>>>();
is<Same<Parameters<typeof parseChallenges>, [from: string | Headers | Response]>>();
await spent("https://a.b");
const filter: Filter = { origin: "https://a.b", state: "paid", scope: "agent/task", since: 1, before: "00", limit: 5 };
await payments(filter);
await payments({
  origin: undefined,
  state: undefined,
  scope: undefined,
  since: undefined,
  before: undefined,
  limit: undefined,
});
await remaining("https://a.b");
await resolve("00", "failed");
await resolve("00", { preimage: "00" });
await forget();
await forget("https://a.b");

// Every option, and every optional one absent by undefined.
const limits: Limits = {
  perPayment: 1,
  perHour: 2,
  perDay: 3,
  total: 4,
  payments: { perMinute: 5, perHour: 6, perDay: 7 },
  perOrigin: { perPayment: 1, perHour: 1, perDay: 2, total: 3, payments: { perMinute: 1 } },
};
const orders: OrderLimits = { perMinute: undefined, perHour: 1 };

// Scopes within scopes.
const scope: Scope = {
  name: "task",
  limits: { payments: orders },
  approve: () => true,
  onEvent: (event) => show(event),
};
const task: PaidFetch = within(scope).within({ limits: {} });
await task(new URL("https://a.b"));
within({ name: undefined, limits: { perPayment: 5, perOrigin: undefined }, approve: undefined, onEvent: undefined });
const networks: Network[] = ["bitcoin", "testnet", "signet", "regtest", "simnet"];
const protocols: Protocol[] = ["l402", "lsat", "mpp", "x402"];
const map = new Map<string, string>();
const store: Store = {
  read: async (keys) => keys.map((key) => map.get(key) ?? null),
  async write(changes, seen) {
    if (Object.entries(seen).some(([key, value]) => (map.get(key) ?? null) !== value)) return false;
    for (const [key, value] of Object.entries(changes)) value === null ? map.delete(key) : map.set(key, value);
    return true;
  },
  list: async (prefix, { after = "", limit, reverse = false }: ListOptions) =>
    [...map].filter(([key]) => key.startsWith(prefix) && key > after !== reverse).slice(0, limit),
};
is<Same<ReturnType<typeof memoryStore>, Store>>();
const options: Options = {
  wallet: webln(),
  limits,
  store,
  networks,
  protocols,
  sessions: deposits,
  hosts: ["*.example.com"],
  insecureHosts: ["*.local"],
  proof: "none",
  paymentTimeout: 1000,
  approveAbove: 50,
  approve: (asked, { signal, maxFeeMsat, remaining }) =>
    !signal.aborted &&
    maxFeeMsat < 5000 &&
    remaining.payment + (remaining.day ?? 0) + (remaining.payments ?? 0) > asked.amountSat &&
    asked.invoice.expiresAt > 0 &&
    asked.macaroon?.caveats[0]?.raw !== "",
  fetch: globalThis.fetch,
  now: Date.now,
  onEvent: (event) => show(event),
};
createFetch(options);
createFetch({
  wallet: async () => true as const,
  limits: { perPayment: 1, perHour: undefined, perDay: undefined, total: undefined, perOrigin: undefined },
  store: undefined,
  approve: undefined,
  approveAbove: undefined,
  networks: undefined,
  hosts: undefined,
  insecureHosts: undefined,
  protocols: undefined,
  sessions: undefined,
  proof: undefined,
  paymentTimeout: undefined,
  fetch: undefined,
  now: undefined,
  onEvent: undefined,
});
createFetch({ wallet: () => true, limits, store: memoryStore(), approve: async () => false });

// Every kind of wallet.
const byFunction: PayFunction = async (
  invoice: Invoice,
  { url, maxFeeMsat, signal }: PayContext,
): Promise<PayResult> => {
  if (signal.aborted) return { failed: "too late" };
  if (invoice.amountMsat === null) return { failed: "no amount", cause: new Error(url) };
  return invoice.amountMsat > maxFeeMsat ? { preimage: invoice.paymentHash, feeMsat: 5 } : invoice.paymentRequest;
};
const byWallet: Wallet = { pay: byFunction, lookup: async () => ({ state: "pending" }), balanceMsat: async () => 5 };
const ordered: InvoiceOrder = { amountMsat: null, description: "refund", expirySeconds: 2_592_000 };
const receiving: Wallet = {
  pay: byFunction,
  makeInvoice: async ({ amountMsat, description, expirySeconds }) =>
    `lnbc${(amountMsat ?? 0) + expirySeconds}${description}`,
  received: async (paymentHash) => (paymentHash === "" ? null : 5),
};
is<Same<ReturnType<NonNullable<Wallet["makeInvoice"]>>, Promise<string>>>();
is<Same<ReturnType<NonNullable<Wallet["received"]>>, Promise<number | null>>>();
is<Same<InvoiceOrder["amountMsat"], number | null>>();
await receiving.makeInvoice?.(ordered);
await receiving.received?.("00");
const byWebln: WebLNProvider = {
  enable: async () => {},
  sendPayment: async (paymentRequest) => ({ preimage: paymentRequest }),
};
const byNwc: NwcClient = {
  payInvoice: async ({ invoice }) => ({ preimage: invoice, fees_paid: 1 }),
  lookupInvoice: async ({ payment_hash }) => ({ type: "incoming", state: payment_hash, amount: 5 }),
  makeInvoice: async ({ amount, description, expiry }) => ({ invoice: `lnbc${amount}${description}${expiry}` }),
};
const url = "https://127.0.0.1:8080";
for (const wallet of [
  lnd({ url, macaroon: "00" }),
  lnd({ url, macaroon: "00", fetch: globalThis.fetch, insecure: true }),
  cln({ url, rune: "x" }),
  phoenixd({ url, password: "x" }),
  lnbits({ url, adminKey: "x" }),
  walletFromEnv(),
  walletFromEnv({ NWC_URL: "nostr+walletconnect://", PATH: undefined }),
  nwc("nostr+walletconnect://"),
  nwc(byNwc),
  nwc(new NWCClient({})),
] satisfies Wallet[])
  createFetch({ wallet, limits });
for (const wallet of [byFunction, byWallet, receiving, byWebln, byNwc, new NWCClient({}), webln(byWebln)])
  createFetch({ wallet, limits });

for (const store of [indexedDBStore(), indexedDBStore("shop"), sqliteStore("shop.db")] satisfies Store[])
  createFetch({ wallet: byFunction, limits, store });

const namespace = { get: (id: string) => ({ id, fetch: (url: RequestInfo, init?: RequestInit) => fetch(url, init) }) };
const cache = {
  get: async (key: string) => key,
  put: async (key: string, value: string) => console.log(key, value),
  delete: async (key: string) => console.log(key),
};
createFetch({ wallet: byFunction, limits, store: durableObjectStore(namespace.get("a")) });
createFetch({ wallet: byFunction, limits, store: durableObjectStore(() => namespace.get("a"), { cache }) });
export class Ledger extends L402Ledger {}

// Tools for agents.
const agentOptions: AgentOptions = { allow: ["localhost"], maxBodyBytes: 5, lookup: async (name) => [name] };
const agentContext: AgentContext = {
  signal: AbortSignal.timeout(5),
  approve: () => true,
  onEvent: (event) => show(event),
};
const tools: AgentTool[] = agentTools(pay, agentOptions);
for (const { name, description, inputSchema, annotations, execute } of tools) {
  const result: AgentResult = await execute({}, agentContext);
  const told = result.error?.code ?? result.untrusted_content?.note;
  console.log(name, description, inputSchema.properties.url?.description, annotations.readOnlyHint, told);
}
agentTools(within({ limits: {} }), { allow: undefined, maxBodyBytes: undefined, lookup: undefined });

/** Every event, by its type. */
function show(event: PaymentEvent): string {
  switch (event.type) {
    case "challenge":
      return (
        event.url +
        event.challenges
          .map(
            ({ scheme, params, offer }) =>
              scheme +
              params.realm +
              (offer?.protocol === "mpp" ? offer.intent : offer?.protocol === "x402" ? offer.payTo : offer?.token),
          )
          .join()
      );
    case "passed_over":
      return event.url + event.protocol + event.code + event.message;
    case "quote":
      return event.quote.origin;
    case "paying":
    case "paid":
      return event.payment.state;
    case "reused":
      return event.payment.paymentHash + event.url;
    case "refused":
      return event.code + event.message + event.url;
    case "rejected":
      return event.reason + event.message + event.url + event.payment.state;
    case "failed":
      return event.code + event.message + String(event.payment.settledAt);
    case "unpayable":
      is<Same<typeof event.hint, string | undefined>>();
      return event.reason satisfies
        | "no_challenge"
        | "challenge_hidden"
        | "no_lightning"
        | "authorization_set"
        | "request_mode";
  }
}

// Errors.
try {
  await pay("https://a.b");
} catch (error) {
  if (!(error instanceof L402Error)) throw error;
  const code: ErrorCode = error.code;
  const left: Response | undefined = error.response;
  const about: Payment | undefined = error.payment;
  const cause: unknown = error.cause;
  const moved: "no" | "maybe" | "yes" = error.moneyMoved;
  console.log(
    code,
    left?.status,
    about?.amountSat,
    error.quote?.amountSat,
    error.quote?.invoice.amountSat,
    cause,
    moved,
  );
}
const made: Error = new L402Error("declined", "x", { cause: 1, response });
console.log(made.name, receiptOf(response)?.paidNow);

// A shop for tests.
const price: Price = (request) => request.url.length;
const shopOptions: TestShopOptions = {
  price,
  protocol: ["l402", "lsat", "mpp", "x402"],
  network: "signet",
  uses: 1,
  scope: "path",
  tokenSeconds: 60,
  invoiceSeconds: 600,
  balance: 100,
  feeMsat: 1,
  now: Date.now,
};
const { shop, ...world }: TestShop = testShop(shopOptions);
testShop({ price: undefined, protocol: "mpp", network: undefined, uses: undefined, now: undefined });
createFetch({ ...testShop(), limits });
createFetch({ ...world, wallet: world.wallet.pay, limits });
const handler: Handler = async (request) => new Response(await request.text());
const shopFaults: ShopFault[] = ["expired_invoice", "wrong_network", "other_hash", "expired_token", "refused"];
const walletFaults: WalletFault[] = ["no_route", "silence", "lost_answer", "wrong_preimage", "no_preimage"];
const served: Shop = shop;
const payer: TestWallet = world.wallet;
served.serve("/a", handler, { price: 0 });
served.price = 5;
for (const fault of shopFaults) served.fail(fault, 1);
for (const fault of walletFaults) payer.fail(fault);
payer.settle("failed");
const received: ReceivedPayment | undefined = served.payments[0];
const seen: SeenRequest | undefined = served.requests[0];
console.log(received?.amountSat, received?.shown, seen?.status, served.satsReceived, served.challenges, payer.orders);
served.reset();
