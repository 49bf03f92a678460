// Ctrl-C, and how no payment is lost by it. Until the wallet is asked, the program just ends. Then the first signal
// waits for the wallet, and the second ends the program: the payment stands in the ledger, and the next run asks the
// wallet what became of it.
import type { Payment, PaymentEvent } from "../core/payment.js";
import { say } from "./output.js";

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Watches for signals. `end` ends the program. Gives the function that has to be told of each event. */
export function watchSignals(end: (exit: number) => void): (event: PaymentEvent) => void {
  const open = new Map<string, Payment>();
  let ending = 0;

  for (const [signal, exit] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      const [payment] = open.values();
      if (!payment) return end(exit);
      if (ending) {
        say(`ended while ${sats(payment)} may be on their way: the next run asks the wallet what became of them`);
        return end(exit);
      }
      ending = exit;
      say(`a payment of ${sats(payment)} is under way: waiting for the wallet. Once more ends at once.`);
    });
  }

  return (event) => {
    if (event.type === "paying") open.set(event.payment.paymentHash, event.payment);
    if (event.type !== "paid" && event.type !== "failed") return;
    open.delete(event.payment.paymentHash);
    if (!ending || open.size > 0) return;
    if (event.type === "paid") say(`paid ${sats(event.payment)}: run it again for the answer, a token is kept`);
    else say(event.message);
    end(ending);
  };
}

const sats = ({ amountSat }: Payment) => `${amountSat} sat`;
