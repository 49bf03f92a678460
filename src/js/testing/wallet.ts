import { randomBytes } from "@noble/hashes/utils.js";
import { hex } from "@scure/base";
import type { Invoice } from "../core/parsers.js";
import type { PayContext, PayResult, Wallet } from "../core/wallet.js";
import { Faults } from "./faults.js";
import type { Settings } from "./options.js";
import type { Sale } from "./sale.js";

/**
 * What can go wrong with the wallet:
 *
 * - `no_route`: it is certain that nothing was paid.
 * - `silence`: it does not answer. The payment is under way until `settle()`, and the client waits for it.
 * - `lost_answer`: it pays, and then throws. `lookup` finds the payment.
 * - `wrong_preimage`: it pays, and answers with another preimage. `lookup` does so as well.
 * - `no_preimage`: it pays, and answers without a preimage. `lookup` does so as well.
 */
export type WalletFault = "no_route" | "silence" | "lost_answer" | "wrong_preimage" | "no_preimage";

/** A wallet that pays the invoices of its shop, and no others. `pay` and `lookup` need no `this`. */
export interface TestWallet extends Wallet {
  pay(invoice: Invoice, context?: PayContext): Promise<PayResult>;
  lookup: NonNullable<Wallet["lookup"]>;
  balanceMsat(): Promise<number>;
  /** How often it was asked to pay, whatever came of it. */
  readonly orders: number;
  /**
   * Lets the next payments go wrong.
   *
   * @param times how many of them; 0 ends the fault. Default: all
   * @throws {L402Error} `invalid_options`
   */
  fail(fault: WalletFault, times?: number): void;
  /** Ends the payments that are under way in `silence`, and answers what waits for them. Default: "paid". */
  settle(outcome?: "paid" | "failed"): void;
}

const FAULTS: readonly WalletFault[] = ["no_route", "silence", "lost_answer", "wrong_preimage", "no_preimage"];

/**
 * Opens the wallet of a shop.
 *
 * @param sales those of the shop, by payment hash
 * @param received where a sale goes once it is paid
 * @internal
 */
export function openWallet(
  sales: ReadonlyMap<string, Sale>,
  received: Sale[],
  { balance, feeMsat, now }: Settings,
): { wallet: TestWallet; reset(): void } {
  const faults = new Faults<WalletFault>(FAULTS);
  /** What the payments say that are not told as they were. */
  const told = new Map<Sale, { preimage: string } | object>();
  const waiting = new Map<Sale, ((answer: PayResult) => void)[]>();
  let orders = 0;
  let spentMsat = 0;

  /** What is said of a payment that was made. */
  const answerOf = (sale: Sale) => (told.get(sale) ?? { preimage: sale.preimage, feeMsat }) as { preimage: string };

  function complete(sale: Sale): PayResult {
    sale.state = "paid";
    received.push(sale);
    spentMsat += sale.amountSat * 1000 + feeMsat;
    return answerOf(sale);
  }

  const left = () => balance * 1000 - spentMsat;

  const wallet: TestWallet = {
    id: `l402-fetch test wallet ${hex.encode(randomBytes(8))}`,
    settlesOnce: true,
    get orders() {
      return orders;
    },
    async pay(invoice, context) {
      orders++;
      const sale = sales.get(invoice.paymentHash);
      if (sale?.invoice !== invoice.paymentRequest) return { failed: "no route: this wallet pays its own shop alone" };
      if (sale.state === "paid") return answerOf(sale);
      if (sale.state === "pending") return new Promise((done) => waiting.get(sale)?.push(done));
      if (now() / 1000 >= sale.expiresAt) return { failed: "the invoice has expired" };
      if (feeMsat > (context?.maxFeeMsat ?? Infinity)) return { failed: "no route within the fee limit" };
      if (sale.amountSat * 1000 + feeMsat > left()) return { failed: "insufficient balance" };
      if (faults.take("no_route")) {
        sale.state = "failed";
        return { failed: "no route" };
      }
      if (faults.take("silence")) {
        sale.state = "pending";
        return new Promise((done) => waiting.set(sale, [done]));
      }
      if (faults.take("wrong_preimage")) told.set(sale, { preimage: hex.encode(randomBytes(32)) });
      else if (faults.take("no_preimage")) told.set(sale, {});
      const answer = complete(sale);
      if (faults.take("lost_answer")) throw new Error("the connection to the wallet broke");
      return answer;
    },
    async lookup(paymentHash) {
      const sale = sales.get(paymentHash);
      if (!sale || sale.state === "open") return { state: "not_found" };
      return sale.state === "paid" ? { state: "paid", ...answerOf(sale) } : { state: sale.state };
    },
    balanceMsat: async () => left(),
    fail: (fault, times) => faults.set(fault, times),
    settle(outcome = "paid") {
      for (const [sale, asked] of waiting) {
        let answer: PayResult = { failed: "no route" };
        if (outcome === "paid") answer = complete(sale);
        else sale.state = "failed";
        for (const done of asked) done(answer);
      }
      waiting.clear();
    },
  };
  return {
    wallet,
    reset() {
      wallet.settle("failed");
      orders = 0;
      faults.clear();
    },
  };
}
