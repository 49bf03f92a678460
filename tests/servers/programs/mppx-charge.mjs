// mppx, with a method for charges over Lightning on its Method API, since it has none of its own. Each credential
// opens one request, as the specification of charges over Lightning has it.
import { createHash } from "node:crypto";
import { Errors, Method, Receipt, Store, z } from "mppx";
import { Mppx, Request as Requests } from "mppx/server/core";
import { invoice, PRICE, serve } from "./loopback.mjs";

const definition = Method.from({
  name: "lightning",
  intent: "charge",
  schema: {
    credential: { payload: z.object({ preimage: z.string() }) },
    request: z.object({
      amount: z.string(),
      currency: z.string(),
      methodDetails: z.optional(z.object({ invoice: z.string(), paymentHash: z.string(), network: z.string() })),
    }),
  },
});

const used = Store.memory();

const charge = Method.toServer(definition, {
  async request({ credential, request }) {
    // what was offered is compared with what is offered now: it has to be the same invoice
    if (credential) return { ...request, methodDetails: credential.challenge.request.methodDetails };
    const { paymentHash, paymentRequest } = await invoice(Number(request.amount));
    return { ...request, methodDetails: { invoice: paymentRequest, paymentHash, network: "regtest" } };
  },
  async verify({ credential: { challenge, payload } }) {
    const { paymentHash } = challenge.request.methodDetails;
    const hash = createHash("sha256").update(Buffer.from(payload.preimage, "hex")).digest("hex");
    if (hash !== paymentHash)
      throw new Errors.VerificationFailedError({ reason: "the preimage is of another payment" });
    if (await used.get(paymentHash))
      throw new Errors.VerificationFailedError({ reason: "the payment was used before" });
    await used.put(paymentHash, true);
    return Receipt.from({
      method: "lightning",
      reference: paymentHash,
      status: "success",
      timestamp: new Date().toISOString(),
    });
  },
});

const mppx = Mppx.create({
  methods: [charge],
  realm: "loopback",
  secretKey: "a secret of this test alone, of 32 bytes",
});
const paid = mppx.charge({ amount: String(PRICE), currency: "sat" });

await serve(
  Requests.toNodeListener(async (request) => {
    const result = await paid(request);
    return result.status === 402 ? result.challenge : result.withReceipt(new Response("sunny"));
  }),
);
