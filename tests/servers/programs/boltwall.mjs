// boltwall and lsat-js under Express: tokens are good for the origin, for a second a satoshi, here for an hour.
// It asks lnd by ln-service, of which it names a fork that no registry has: a stand-in with the three calls that it
// makes takes that module's place.
import express from "express";
import Module, { createRequire } from "node:module";
import { invoice, lookup, PRICE, serve } from "./loopback.mjs";

Object.assign(process.env, {
  SESSION_SECRET: "a secret of this test alone, of 32 bytes",
  LND_SOCKET: "none",
  LOG_LEVEL: "none",
});

const lnService = {
  authenticatedLndGrpc: () => ({ lnd: {} }),
  async createInvoice({ tokens }) {
    const { paymentHash, paymentRequest } = await invoice(tokens);
    return { id: paymentHash, request: paymentRequest, tokens, created_at: new Date().toISOString() };
  },
  async getInvoice({ id }) {
    const { payment_request: request, settled } = await lookup(id);
    return { id, request, is_confirmed: settled };
  },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === "ln-service" ? lnService : load(name, ...rest));

const { boltwall, TIME_CAVEAT_CONFIGS } = createRequire(import.meta.url)("boltwall");

const app = express();
app.use(express.json());
app.use(boltwall({ ...TIME_CAVEAT_CONFIGS, minAmount: PRICE, rate: PRICE / 3600 }));
app.use((_, response) => response.send("sunny"));
await serve(app);
