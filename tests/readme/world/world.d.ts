// What the README's examples presuppose, for tsc.
import type { PaidFetch, PayFunction, Wallet, WebLNProvider } from "l402-fetch";

declare global {
  const wallet: PayFunction;
  const account: Wallet;
  const pay: PaidFetch;
  const model: import("ai").LanguageModel;
  const webln: WebLNProvider;
  const searchMyWallet: (paymentHash: string) => Promise<{ preimage?: string; failed?: boolean } | undefined>;
}
