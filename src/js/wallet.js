import { digest, RECORDS } from "./records.js";

// Under these names wallets answer with the preimage.
const PREIMAGE_KEYS = ["preimage", "payment_preimage", "preImage", "paymentPreimage"];

/**
 * One face for all that `wallet` may be. `pay` resolves to exactly one of
 *
 * - `{ preimage, feeMsat? }`: text that claims to be the preimage, not yet proven
 * - `{ failed, cause? }`: nothing was paid nor will be
 * - `{ proven: true }`: the wallet said `true`
 * - `{ nothing }`: an answer without a preimage, described without its contents
 *
 * - `{ threw, heard }`: what it threw, where the outcome is unknown and a module of ours says more: see `records.js`
 *
 * and rejects, with what the wallet threw, where the outcome is unknown. It never throws. `about` says what is known of the wallet.
 *
 * @param {import("./index.d.ts").Options["wallet"]} wallet
 * @param {string | null} method how it is asked, as `walletMethod` read it
 * @returns {{ about: object, pay(invoice: object, context: object): Promise<object>, lookup?(paymentHash: string): Promise<object | null>,
 *   balanceMsat?(): Promise<number | null> }} `lookup` resolves to null where the answer says nothing, `balanceMsat`
 *   where the wallet can't tell
 */
export function readWallet(wallet, method) {
  const has = (key) => wallet != null && typeof wallet[key] === "function";
  let ask;
  let balanceMsat;
  if (method === "pay") ask = (invoice, context) => call(wallet, "pay", invoice, context);
  else if (method === "sendPayment") ({ pay: ask, balanceMsat } = weblnWallet(() => wallet));
  else if (method === "payInvoice") ask = (invoice) => askNwc(wallet, invoice);
  else ask = (invoice, context) => wallet(invoice, context);

  if (has("balanceMsat")) balanceMsat = () => wallet.balanceMsat();
  const { id, settlesOnce, [RECORDS]: records } = method === "pay" ? wallet : {};
  return {
    about: { ...records, id: typeof id === "string" ? digest(id) : null, settlesOnce: settlesOnce === true },
    async pay(invoice, context) {
      try {
        return readAnswer(await ask(invoice, context));
      } catch (threw) {
        const heard = threw?.[RECORDS];
        if (heard) return { threw, heard };
        throw threw;
      }
    },
    ...(has("lookup") && { lookup: async (paymentHash) => readLookup(await wallet.lookup(paymentHash)) }),
    ...(balanceMsat && { balanceMsat: async () => msat(await balanceMsat()) ?? null }),
  };
}

/** Calls the wallet's method of this moment: extensions replace theirs. One that is gone can't have paid. */
function call(wallet, key, ...args) {
  return typeof wallet[key] === "function" ? wallet[key](...args) : { failed: `wallet.${key} is no function any more` };
}

async function askNwc(client, invoice) {
  try {
    return await call(client, "payInvoice", { invoice: invoice.paymentRequest });
  } catch (cause) {
    return refused(cause);
  }
}

/** What an NWC wallet's refusal comes to; throws any other error. */
function refused(cause) {
  if (isNwcRefusal(cause)) return { failed: `the wallet refused: ${cause.code}`, cause };
  throw cause;
}

/** Whether an NWC wallet's error says that it did not even try: any other may come while a payment is on its way. */
export function isNwcRefusal(error) {
  return /^(INSUFFICIENT_BALANCE|QUOTA_EXCEEDED|RESTRICTED|UNAUTHORIZED)$/.test(error?.code);
}

/**
 * A Wallet that pays through a WebLN provider.
 *
 * @param {() => object | undefined} provider looked up anew for each payment
 */
export function weblnWallet(provider) {
  return {
    async pay(invoice, context) {
      const webln = provider();
      if (!webln) return { failed: "no webln wallet in this page: install or unlock one, or pass another wallet" };
      try {
        // Each time: it costs nothing once granted, and a grant can be withdrawn.
        await webln.enable?.();
      } catch (cause) {
        return { failed: "the webln wallet did not let this page in", cause };
      }
      // The user may have taken longer than the payment may: its outcome is already taken for unknown.
      if (context?.signal?.aborted) return { failed: "the webln wallet let this page in too late" };
      try {
        return await call(webln, "sendPayment", invoice.paymentRequest);
      } catch (cause) {
        if (isRefusal(cause)) return { failed: "the user refused the payment", cause };
        // Some providers are NWC clients in disguise.
        return refused(cause);
      }
    },
    async balanceMsat() {
      const webln = provider();
      if (typeof webln?.getBalance !== "function") return null;
      await webln.enable?.();
      const { balance, currency = "sats" } = (await webln.getBalance()) ?? {};
      return typeof balance === "number" && typeof currency === "string" && /^sats?$/i.test(currency)
        ? balance * 1000
        : null;
    },
  };
}

/**
 * Whether a WebLN wallet's error says that its user refused: "User rejected" (Alby), "User rejected prompt" (Joule), the
 * `RejectionError` of the webln package. Not "Prompt was closed": both extensions say so as well when their window is
 * closed while the payment is on its way.
 */
function isRefusal(error) {
  try {
    const text = typeof error === "string" ? error : error.message;
    return error.name === "RejectionError" || /^user rejected\b/i.test(text);
  } catch {
    return false;
  }
}

function readAnswer(answer) {
  if (answer === true) return { proven: true };
  if (typeof answer === "string" && answer) return { preimage: answer };
  if (answer === null || typeof answer !== "object") return { nothing: describe(answer) };

  const paid = readPaid(answer);
  const { failed } = answer;
  // Nodes pad a failure with a preimage of zeros. Any other preimage contradicts it, and is worth proving first.
  if (typeof failed === "string" && failed && (!paid || /^0+$/.test(paid.preimage))) {
    return "cause" in answer ? { failed, cause: answer.cause } : { failed };
  }
  return paid ?? { nothing: "an object without a preimage" };
}

function readPaid(answer) {
  const preimage = PREIMAGE_KEYS.map((key) => answer[key]).find((value) => typeof value === "string" && value);
  if (preimage === undefined) return undefined;
  const feeMsat = msat(answer.feeMsat) ?? msat(answer.fees_paid);
  return feeMsat === undefined ? { preimage } : { preimage, feeMsat };
}

/** What the wallet reports, which is for the core to weigh. A preimage that hashes is proof whatever stands beside it. */
function readLookup(answer) {
  if (answer !== Object(answer)) return null;
  const { state } = answer;
  const begunAt = msat(answer.begunAt);
  const paid = readPaid(answer);
  if (paid && !/^0*$/.test(paid.preimage)) return { state: "paid", ...paid };
  return /^(pending|failed|not_found)$/.test(state) ? { state, ...(begunAt !== undefined && { begunAt }) } : null;
}

/** Millisatoshis, or milliseconds, where that is what it is. */
function msat(value) {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function describe(answer) {
  if (answer === "") return "an empty text";
  return answer == null || answer === false ? String(answer) : `a ${typeof answer}`;
}
