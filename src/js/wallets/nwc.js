// Nostr Wallet Connect (NIP-47) through @getalby/sdk, measured on its version 7. What its answers mean:
//
// | `pay_invoice`                                               | taken for                                              |
// |-------------------------------------------------------------|--------------------------------------------------------|
// | a result with a preimage                                    | paid                                                   |
// | a result without one (64 zeros are none)                    | known to the wallet: looked up                         |
// | INSUFFICIENT_BALANCE, QUOTA_EXCEEDED, RESTRICTED,           | failed, on the first try of an invoice                 |
// |   UNAUTHORIZED                                              |                                                        |
// | no relay reached, no wallet announced there, no SDK, no     | failed: nothing was sent                               |
// |   WebSocket (only with a connection string)                 |                                                        |
// | any other error of the wallet's (PAYMENT_FAILED is said of  | the request has ended: looked up                       |
// |   a second try while the first is on its way, too)          |                                                        |
// | a publish or reply timeout, a relay that acknowledges       | unknown: it may be paid later. Looked up               |
// |   nothing, any other error                                  |                                                        |
//
// | `lookup_invoice`, at most 8 s                               | taken for                                              |
// |-------------------------------------------------------------|--------------------------------------------------------|
// | `state` settled, with a preimage                            | paid                                                   |
// | `state` failed                                              | failed                                                 |
// | any other state, or silence                                 | pending                                                |
// | NOT_FOUND, twice within 2 s                                 | failed; pending for a minute after a lost answer; no   |
// |                                                             |   answer where the wallet has known it before          |
// | anything else (INTERNAL too)                                | no answer                                              |
import { L402Error } from "../error.js";
import { isNwcRefusal } from "../wallet.js";
import { msat, proofOf, Unsent, withBooks } from "./books.js";

// For so long the SDK waits for an answer: a request that was not heard of by then is not carried out any more.
const LATE = 60_000;

/** Codes that the SDK does not use itself: the wallet has answered, and is done. */
const ANSWERED = /^(RATE_LIMITED|NOT_IMPLEMENTED|PAYMENT_FAILED|NOT_FOUND|INSUFFICIENT_BALANCE|QUOTA_EXCEEDED|RESTRICTED|UNAUTHORIZED)$/;

/**
 * A wallet that pays through Nostr Wallet Connect. NWC takes no fee cap.
 *
 * A connection string is connected anew for each call: nothing is left open, which in a Worker could not be used by the next
 * request anyway. A client that is given is used as it is and not closed.
 *
 * @param {string | import("../index.d.ts").NwcClient} connection "nostr+walletconnect://…", or an `NWCClient` of @getalby/sdk
 * @returns {import("../index.d.ts").Wallet}
 * @throws {L402Error} `invalid_options`
 */
export function nwc(connection) {
  const given = connection !== null && typeof connection === "object" ? connection : undefined;
  if (given ? typeof given.payInvoice !== "function" : !isConnection(connection)) {
    throw new L402Error("invalid_options", "nwc: connection must be a text that begins with nostr+walletconnect:// and holds a relay and a secret, or a client with a method payInvoice");
  }
  // Invoices whose earlier try has no certain end.
  const tried = new Set();

  async function use(task, signal) {
    if (given) return task(given);
    const sdk = await loadSdk();
    const client = new sdk.NWCClient({ nostrWalletConnectUrl: connection });
    const close = () => client.close();
    signal?.addEventListener("abort", close);
    try {
      return await task(client, sdk);
    } finally {
      signal?.removeEventListener("abort", close);
      close();
    }
  }

  const wallet = withBooks("nwc", {
    late: LATE,

    // The signal is of no use here: a reply that comes late is still recorded.
    pay: ({ paymentRequest, paymentHash }, context, entry) => use(async (client, sdk) => {
      const again = tried.has(paymentHash);
      tried.add(paymentHash);
      let answer;
      try {
        answer = await client.payInvoice({ invoice: paymentRequest });
      } catch (cause) {
        if (!again && isUnsent(cause, sdk)) {
          tried.delete(paymentHash);
          throw new Unsent(`the wallet could not be asked: ${cause.message}`, { cause });
        }
        if (!again && isNwcRefusal(cause)) {
          tried.delete(paymentHash);
          return { failed: `the wallet refused: ${cause.code}`, cause };
        }
        entry.ended = ANSWERED.test(cause?.code) || (!!sdk && cause instanceof sdk.Nip47WalletError);
        throw cause;
      }
      entry.known = true;
      const proof = proofOf("the wallet", answer?.preimage, answer?.fees_paid);
      tried.delete(paymentHash);
      return proof;
    }),

    ...((!given || typeof given.lookupInvoice === "function") && {
      find: (paymentHash, signal) => use(async (client) => {
        let found;
        try {
          found = await client.lookupInvoice({ payment_hash: paymentHash });
        } catch (cause) {
          if (cause?.code === "NOT_FOUND") return { state: "none" };
          // Not its message: the SDK's may hold the whole answer, with the preimage.
          throw new Error(`the wallet does not look payments up (${ANSWERED.test(cause?.code) ? cause.code : "no answer"})`);
        }
        const { type, state, preimage, fees_paid } = found ?? {};
        if (type === "incoming") throw new Error("the wallet has an invoice with this hash, and no payment");
        if (state === "settled") return { state: "paid", ...proofOf("the wallet", preimage, fees_paid) };
        return { state: state === "failed" ? "failed" : "pending" };
      }, signal),
    }),
  });

  return {
    ...wallet,
    ...((!given || typeof given.getBalance === "function") && {
      balanceMsat: () => use(async (client) => {
        const balance = msat((await client.getBalance())?.balance);
        if (balance === undefined) throw new Error("the wallet does not tell its balance");
        return balance;
      }),
    }),
  };
}

function isConnection(text) {
  if (typeof text !== "string" || !/^nostr\+?walletconnect:/.test(text)) return false;
  try {
    const { searchParams } = new URL(text.replace(/^nostr\+?walletconnect:(\/\/)?/, "http://"));
    return /^wss?:\/\//.test(searchParams.get("relay")) && !!searchParams.get("secret");
  } catch {
    return false;
  }
}

/** Errors of a client of ours from before it publishes a request. Their texts hold no secret: relays, and what the wallet speaks. */
function isUnsent(error, sdk) {
  if (!sdk) return false;
  return error instanceof sdk.Nip47NetworkError || error instanceof sdk.Nip47UnsupportedEncryptionError || /^no info event/.test(error?.message);
}

async function loadSdk() {
  // The SDK takes hold of it when it is loaded.
  if (typeof WebSocket === "undefined") throw new Unsent("nwc needs a global WebSocket: use Node 22, or set globalThis.WebSocket to that of the package ws");
  try {
    return await import("@getalby/sdk/nwc");
  } catch (cause) {
    throw new Unsent("nwc needs the package @getalby/sdk: npm i @getalby/sdk", { cause });
  }
}
