// The wallets that this page can pay with. Each is an l402-fetch `Wallet` that also remembers what it saw.
import { webln } from "l402-fetch/wallets/webln";

/** What the test wallet charges as a routing fee, in msat, where the limits leave that much. */
const FEE = 1000;
/** How long the test wallet takes, in ms: long enough to see the payment pending. */
const DELAY = 300;

/** Pays invoices of the server that this page came from, by handing out their preimages. */
export function testWallet(url) {
  return {
    name: "test wallet",
    async pay(invoice, { maxFeeMsat, signal }) {
      this.maxFeeMsat = maxFeeMsat;
      const query = new URLSearchParams({ fee: Math.min(FEE, maxFeeMsat), delay: DELAY });
      const response = await fetch(`${url}/pay?${query}`, { method: "POST", body: invoice.paymentRequest, signal });
      if (!response.ok) throw new Error(`the test wallet answered ${response.status}`);
      const paid = await response.json();
      this.preimage = paid.preimage;
      this.hashed = await sha256(paid.preimage).catch(() => undefined);
      return paid;
    },
  };
}

/** Of bytes in hex, in hex. The package proves it anyway; this is for the eyes. */
async function sha256(hex) {
  const bytes = Uint8Array.from(hex.match(/../g), (digits) => parseInt(digits, 16));
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * `window.webln`. The preimage is not kept: it is half of what the person just bought, and no business of a page's
 * display.
 */
export function weblnWallet() {
  const wallet = webln();
  return {
    name: "WebLN",
    pay(invoice, context) {
      this.maxFeeMsat = context.maxFeeMsat;
      return wallet.pay(invoice, context);
    },
  };
}

/** An lnd node. `shows` whether its preimages are shown: those of a node with nothing to lose are. */
export async function lndWallet(options, shows) {
  const { lnd } = await import("l402-fetch/wallets/lnd");
  return () => {
    const wallet = lnd(options);
    return {
      name: "lnd",
      async pay(invoice, context) {
        this.maxFeeMsat = context.maxFeeMsat;
        const paid = await wallet.pay(invoice, context);
        if (shows && paid.preimage)
          Object.assign(this, { preimage: paid.preimage, hashed: await sha256(paid.preimage).catch(() => undefined) });
        return paid;
      },
      lookup: (paymentHash) => wallet.lookup(paymentHash),
      balanceMsat: () => wallet.balanceMsat(),
    };
  };
}
