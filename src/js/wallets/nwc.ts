// Nostr Wallet Connect (NIP-47) through @getalby/sdk, measured on its version 7. What its answers mean:
//
// | `pay_invoice`                                              | counts as                                |
// |------------------------------------------------------------|------------------------------------------|
// | a result with a preimage                                   | paid                                     |
// | a result without one (64 zeros are none)                   | known to the wallet: looked up           |
// | INSUFFICIENT_BALANCE, QUOTA_EXCEEDED, RESTRICTED,          | failed                                   |
// |   UNAUTHORIZED                                             |                                          |
// | no relay reached, no wallet announced there, no SDK, no    | failed: nothing was sent                 |
// |   WebSocket (only with a connection string)                |                                          |
// | any other error of the wallet's (PAYMENT_FAILED is said of | unknown: looked up                       |
// |   what is settled a moment later, too)                     |                                          |
// | a publish or reply timeout, a relay that acknowledges      | unknown: it may be paid later. Looked up |
// |   nothing, any other error                                 |                                          |
//
// | `lookup_invoice`, at most 8 s                               | counts as                                           |
// |-------------------------------------------------------------|-----------------------------------------------------|
// | a preimage, or `state` settled, or `settled_at`: NIP-47 has | paid                                                |
// |   no `state`                                                |                                                     |
// | `state` failed                                              | failed                                              |
// | any other state, or none                                    | pending                                             |
// | NOT_FOUND                                                   | not found. Many wallets search their own            |
// |                                                             |   invoices alone, so it counts only of one that has |
// |                                                             |   found a payment before and shown one on its way,  |
// |                                                             |   and only a minute after the error                 |
// | anything else (INTERNAL too), or silence                    | no answer                                           |
//
// | `make_invoice`, an amount of 0 where the payer names it     | counts as                                           |
// |-------------------------------------------------------------|-----------------------------------------------------|
// | a result with an `invoice`                                  | the invoice                                         |
// | an error, or silence: some wallets take no amount of 0      | none                                                |
//
// | `lookup_invoice` of an invoice: `type` incoming             | counts as                                           |
// |-------------------------------------------------------------|-----------------------------------------------------|
// | `state` settled, or `settled_at` without a state            | `amount`; if that is 0, it can't tell               |
// | any other state, or neither                                 | 0                                                   |
// | NOT_FOUND, or another `type`                                | it can't tell                                       |
// | anything else, or silence                                   | no answer                                           |
import { L402Error } from "../core/error.js";
import { type Found, type InvoiceOrder, isNwcRefusal, type NwcClient, type Wallet } from "../core/wallet.js";
import { isInvoice, msat, preimageOf, proofOf, Unsent, withRecords } from "./records.js";

// The SDK waits this long for an answer. A request without an answer is not carried out after that. A payment that the
// wallet called failed may be found settled a little later.
const LATE = 60_000;

const SCHEME = /^nostr\+?walletconnect:(\/\/)?/;

/** Codes that the SDK does not use itself. They show that the wallet has answered. */
const ANSWERED =
  /^(RATE_LIMITED|NOT_IMPLEMENTED|PAYMENT_FAILED|NOT_FOUND|INSUFFICIENT_BALANCE|QUOTA_EXCEEDED|RESTRICTED|UNAUTHORIZED)$/;

/**
 * A wallet that pays through Nostr Wallet Connect (NIP-47). With a connection string it needs the package
 * `@getalby/sdk` beside this one, and connects anew for each call. NWC takes no fee cap. An interrupted payment is
 * looked up with `lookup_invoice`.
 *
 * @param connection `nostr+walletconnect://…`, a secret. Or a client, such as `NWCClient` of `@getalby/sdk`: it is
 *   never closed.
 * @throws {L402Error} `invalid_options`
 */
export function nwc(connection: string | NwcClient): Wallet {
  const given = connection !== null && typeof connection === "object" ? connection : undefined;
  if (given ? typeof given.payInvoice !== "function" : !isConnection(connection)) {
    throw new L402Error(
      "invalid_options",
      "nwc: connection must be a string that begins with nostr+walletconnect:// and holds a relay and a secret, or a client with a method payInvoice",
    );
  }
  /**
   * Runs a task with the client. A connection string is connected anew for each call, and closed afterwards: in a
   * Worker the next request could not use the connection. A given client is used as it is and not closed.
   */
  async function use<Result>(task: (client: NwcClient, sdk?: Sdk) => Promise<Result>, signal?: AbortSignal) {
    if (given) return task(given);
    const sdk = await loadSdk();
    const client = new sdk.NWCClient({ nostrWalletConnectUrl: connection as string });
    const close = () => client.close();
    signal?.addEventListener("abort", close);
    try {
      return await task(client, sdk);
    } finally {
      signal?.removeEventListener("abort", close);
      close();
    }
  }

  /** The wallet's record of a payment, in or out. null if there is none. */
  const look = (paymentHash: string, signal: AbortSignal) =>
    use(async (client, sdk) => {
      let found: Awaited<ReturnType<NonNullable<NwcClient["lookupInvoice"]>>> | undefined;
      try {
        found = await client.lookupInvoice?.({ payment_hash: paymentHash });
      } catch (cause) {
        if ((cause as { code?: unknown } | undefined)?.code === "NOT_FOUND") return null;
        throw refusal("does not look payments up", "lookup_invoice", cause, sdk);
      }
      if (found === null || typeof found !== "object")
        throw new Error("the wallet does not look payments up (no answer)");
      return found;
    }, signal);

  const wallet = withRecords("nwc", {
    account: accountOf(connection),
    records: { errorMs: LATE },

    // The signal is not used: a late reply is still recorded.
    pay: ({ paymentRequest }, _context, entry) =>
      use(async (client, sdk) => {
        let answer: Awaited<ReturnType<NwcClient["payInvoice"]>> | undefined;
        try {
          answer = await client.payInvoice({ invoice: paymentRequest });
        } catch (cause) {
          if (isUnsent(cause, sdk))
            throw new Unsent(`the wallet could not be asked: ${(cause as Error).message}`, { cause });
          if (isNwcRefusal(cause)) return { failed: `the wallet refused: ${cause.code}`, cause };
          throw cause;
        }
        entry.known = true;
        return proofOf("the wallet", answer?.preimage, answer?.fees_paid);
      }),

    ...((!given || typeof given.lookupInvoice === "function") && {
      async find(paymentHash: string, signal: AbortSignal): Promise<Found> {
        const found = await look(paymentHash, signal);
        if (!found) return { state: "not_found" };
        const { type, state, preimage, settled_at: settledAt, fees_paid: feesPaid } = found;
        if (type === "incoming") throw new Error("the wallet has an invoice with this hash, and no payment");
        // A preimage that hashes is a proof, whatever the other members say.
        if (preimageOf(preimage) || state === "settled" || settledAt)
          return { state: "paid", ...proofOf("the wallet", preimage, feesPaid) };
        return { state: state === "failed" ? "failed" : "pending" };
      },

      async came(paymentHash: string, signal: AbortSignal) {
        const found = await look(paymentHash, signal);
        if (found?.type !== "incoming") return null;
        // The preimage tells nothing here: the wallet has had it from the beginning.
        if (found.state ? found.state !== "settled" : !found.settled_at) return 0;
        // Some wallets show the amount that the invoice names, which may be none.
        return msat(found.amount) || null;
      },
    }),

    ...((!given || typeof given.makeInvoice === "function") && {
      make: ({ amountMsat, description, expirySeconds }: InvoiceOrder, signal: AbortSignal) =>
        use(async (client, sdk) => {
          let made: Awaited<ReturnType<NonNullable<NwcClient["makeInvoice"]>>> | undefined;
          try {
            // The SDK takes no 0, but an object that JSON writes as 0. Its clients have this member.
            const none = "walletPubkey" in client ? (Object(0) as number) : 0;
            made = await client.makeInvoice?.({ amount: amountMsat ?? none, description, expiry: expirySeconds });
          } catch (cause) {
            throw refusal("made no invoice", "make_invoice", cause, sdk);
          }
          if (!isInvoice(made?.invoice)) throw new Error("the wallet made no invoice (no answer)");
          return made.invoice;
        }, signal),
    }),
  });

  return {
    ...wallet,
    ...((!given || typeof given.getBalance === "function") && {
      balanceMsat: () =>
        use(async (client) => {
          const balance = msat((await client.getBalance?.())?.balance);
          if (balance === undefined) throw new Error("the wallet does not tell its balance");
          return balance;
        }),
    }),
  };
}

/** The id of this wallet: its key and that of the connection. Undefined if the client shows neither. */
function accountOf(connection: string | NwcClient) {
  if (typeof connection !== "string") {
    const { walletPubkey, secret } = connection as { walletPubkey?: unknown; secret?: unknown };
    return typeof walletPubkey === "string" && typeof secret === "string" ? `${walletPubkey} ${secret}` : undefined;
  }
  const { host, searchParams } = new URL(connection.replace(SCHEME, "http://"));
  return `${host} ${searchParams.get("secret")}`;
}

function isConnection(text: unknown) {
  if (typeof text !== "string" || !/^nostr\+?walletconnect:/.test(text)) return false;
  try {
    const { searchParams } = new URL(text.replace(SCHEME, "http://"));
    return /^wss?:\/\//.test(searchParams.get("relay") ?? "") && !!searchParams.get("secret");
  } catch {
    return false;
  }
}

type Sdk = typeof import("@getalby/sdk/nwc");

/**
 * Whether an error of a client that we made comes from before it publishes a request. The texts of these errors hold no
 * secret. They name relays and encryptions.
 */
function isUnsent(error: unknown, sdk: Sdk | undefined) {
  if (!sdk) return false;
  return (
    error instanceof sdk.Nip47NetworkError ||
    error instanceof sdk.Nip47UnsupportedEncryptionError ||
    /^no info event/.test(String((error as Partial<Error> | undefined)?.message))
  );
}

/**
 * The error for a request that the wallet turned down. Only the wallet's own errors are handed on: one of the SDK may
 * hold the whole answer, with the preimage.
 */
function refusal(what: string, method: string, cause: unknown, sdk: Sdk | undefined) {
  const { code } = (cause ?? {}) as { code?: unknown };
  if (isUnsent(cause, sdk)) return new Error(`the wallet could not be asked: ${(cause as Error).message}`, { cause });
  const isTold = ANSWERED.test(String(code)) || (sdk && cause instanceof sdk.Nip47WalletError);
  if (!isTold) return new Error(`the wallet ${what} (no answer)`);
  const todo = code === "RESTRICTED" ? `: its connection must allow ${method}` : "";
  return new Error(`the wallet ${what}${todo} (${code})`, { cause });
}

async function loadSdk(): Promise<Sdk> {
  // The SDK keeps the WebSocket that it finds when it is loaded.
  if (typeof WebSocket === "undefined")
    throw new Unsent(
      "nwc needs a global WebSocket: use Node 22, or set globalThis.WebSocket to that of the package ws",
    );
  try {
    return await import("@getalby/sdk/nwc");
  } catch (cause) {
    throw new Unsent("nwc needs the package @getalby/sdk: npm i @getalby/sdk", { cause });
  }
}
