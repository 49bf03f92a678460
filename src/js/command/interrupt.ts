// Ctrl-C, and how no payment is lost by it. Until the wallet is asked, the program just ends. Then the first signal
// waits for the wallet, and the second ends the program: the payment stands in the ledger, and the next run asks the
// wallet what became of it.
import type { Payment, PaymentEvent } from "../core/payment.js";
import { say } from "./output.js";

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface Watch {
  /** Has to be told of each event. */
  note(event: PaymentEvent): void;
  /** Ends the program as a signal does: a payment that is under way is waited for. */
  leave(exit: number): void;
}

/** Watches for signals. `end` ends the program. */
export function watchSignals(end: (exit: number) => void): Watch {
  const open = new Map<string, Payment>();
  let ending: number | undefined;

  function leave(exit: number) {
    const [payment] = open.values();
    if (!payment) return end(exit);
    if (ending !== undefined) {
      say(`ended while ${sats(payment)} may be on their way: the next run asks the wallet what became of them`);
      return end(exit);
    }
    ending = exit;
    say(`a payment of ${sats(payment)} is under way: waiting for the wallet. Once more ends at once.`);
  }
  for (const [signal, exit] of Object.entries(SIGNALS)) process.on(signal, () => leave(exit));

  return {
    leave,
    note(event) {
      if (event.type === "paying") open.set(event.payment.paymentHash, event.payment);
      if (event.type !== "paid" && event.type !== "failed") return;
      open.delete(event.payment.paymentHash);
      if (ending === undefined || open.size > 0) return;
      if (event.type === "paid") say(`paid ${sats(event.payment)}: run it again for the answer, a token is kept`);
      else say(event.message);
      end(ending);
    },
  };
}

const sats = ({ amountSat }: Payment) => `${amountSat} sat`;
