// Any answer of a node to an order for an invoice, and to the question what came in on one.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { cln } from "../../src/js/wallets/cln.js";
import { lnbits } from "../../src/js/wallets/lnbits.js";
import { lnd } from "../../src/js/wallets/lnd.js";
import { nwc } from "../../src/js/wallets/nwc.js";
import { phoenixd } from "../../src/js/wallets/phoenixd.js";

const HASH = "ab".repeat(32);
const SECRET = "5ec2e75ec2e75ec2e75ec2e7";
const order = { amountMsat: 1000, description: "", expirySeconds: 1 };

const MODULES = {
  lnd: (options) => lnd({ ...options, macaroon: SECRET }),
  lnbits: (options) => lnbits({ ...options, adminKey: SECRET }),
  phoenixd: (options) => phoenixd({ ...options, password: SECRET }),
  cln: (options) => cln({ ...options, rune: SECRET }),
};

const value = fc.oneof(
  fc.constantFrom("lnbc1x", "LNTB1X", "nope", "", SECRET, HASH, null, true, 0, 1, -1, 0.5, 1e300, "5", "5msat", "0x5"),
  fc.constantFrom("SETTLED", "OPEN", "paid", "unpaid", "settled", "incoming", "Payment does not exist."),
  fc.jsonValue({ maxDepth: 1 }),
);
const key = fc.constantFrom(
  ...["payment_request", "bolt11", "serialized", "invoice", "invoices", "details", "amount", "state", "status", "type"],
  ...["amt_paid_msat", "amount_received_msat", "receivedSat", "fees", "paid", "settled_at", "payment_hash", "detail"],
  ...["code", "message", "error", "text"],
);
const flat = fc.dictionary(key, value, { maxKeys: 6 });
const answer = fc.oneof(
  flat,
  value,
  fc.record({
    invoices: fc.array(
      fc.oneof(
        flat,
        flat.map((row) => ({ ...row, payment_hash: HASH })),
        value,
      ),
    ),
  }),
  fc.record({ paid: fc.boolean(), details: fc.oneof(flat, value) }),
);
const status = fc.constantFrom(200, 201, 400, 401, 404, 500, 502, 520);

/** Asserts what may come: an invoice, msat or null, or an Error that does not show the secret. */
async function check(wallet) {
  const settled = (asking) =>
    asking.catch((error) => {
      assert.ok(error instanceof Error, String(error));
      assert.ok(!error.message.includes(SECRET), error.message);
    });
  const made = await settled(wallet.makeInvoice(order));
  assert.ok(made === undefined || /^ln/i.test(made), String(made));
  const came = await settled(wallet.received(HASH));
  assert.ok(came == null || (Number.isSafeInteger(came) && came >= 0), String(came));
}

for (const [name, make] of Object.entries(MODULES)) {
  test(`${name}: any answer about an invoice`, async () => {
    await fc.assert(
      fc.asyncProperty(status, answer, (status, answer) => {
        const fetch = async () => new Response(JSON.stringify(answer) ?? "", { status });
        return check(make({ url: "https://node.example", fetch }));
      }),
      { numRuns: 800 },
    );
  });
}

test("nwc: any answer about an invoice", async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.boolean(), async (answer, fails) => {
      const reply = async () => {
        if (fails) throw answer;
        return answer;
      };
      await check(nwc({ payInvoice() {}, makeInvoice: reply, lookupInvoice: reply }));
    }),
    { numRuns: 800 },
  );
});
