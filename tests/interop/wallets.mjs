// The wallets besides lnd, over the buyer's node: LNbits, and a Nostr relay with a wallet service.
import { readFile } from "node:fs/promises";
import { startLnbits } from "./lnbits.mjs";
import { startRelay, startService, strangersConnection } from "./nwc.mjs";

/** Starts them. Resolves with what the desk can be asked of them, `tails()` and `stop()`. */
export async function openWallets(network) {
  const { buyer, seller } = network;
  const relay = await startRelay();
  const service = await startService(relay, {
    url: buyer.restUrl,
    macaroon: buyer.macaroonHex,
    ca: await readFile(buyer.certPath),
  });
  const lnbits = await startLnbits(network, buyer);
  return {
    actions: {
      /** A new LNbits wallet with so many coins. */
      lnbits: ({ sat }) => lnbits.wallet(Number(sat)),
      stopLnbits: () => lnbits.daemon.stop(),
      startLnbits: () => lnbits.daemon.start(),
      freezeLnbits: () => lnbits.daemon.freeze(),
      thawLnbits: () => lnbits.daemon.thaw(),
      /** A new NWC connection; `may` are its methods, with spaces between. */
      nwc: ({ may, budgetMsat }) =>
        service.connect({ ...(may && { may: may.split(" ") }), ...(budgetMsat && { budgetMsat: Number(budgetMsat) }) }),
      stranger: async () => strangersConnection(await service.connect()),
      /** What each pay_invoice was answered. */
      answers: () => service.answers,
      /** From now on the relay acknowledges nothing, or all; `drop` cuts its connections. */
      relay({ mute, drop }) {
        relay.mute = Boolean(mute);
        if (drop) relay.drop();
      },
      /** The seller takes an invoice back. */
      cancel: ({ hash }) =>
        seller.rest("POST", "/v2/invoices/cancel", { payment_hash: Buffer.from(hash, "hex").toString("base64") }),
    },
    tails: () => lnbits.daemon.tail(),
    async stop() {
      service.stop();
      await relay.stop();
      await lnbits.stop();
    },
  };
}
