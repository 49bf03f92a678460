// Every kind of wallet, and every bad answer that a wallet may give.
import { assertUnread, deferred, openShop } from "../shop.js";

const hexToBase64 = (hex) => btoa(String.fromCharCode(...hex.match(/../g).map((byte) => parseInt(byte, 16))));

/** A wallet with changed answers: `answer` gets the true answer of the paywall. */
const twisted = (shop, answer, query) => async (invoice, context) =>
  answer(await shop.wallet(query)(invoice, context), invoice, context);

/** Pays with a wallet that may have paid but proves nothing: refused with this code, and the amount stays counted. */
async function assertDoubtful(t, shop, pay, code, { payments = 1 } = {}) {
  const url = shop.url("a");
  const error = await t.rejects(pay(url), code);
  t.equal(error.payment.state, "unknown");
  t.equal(error.payment.amountMsat, 10_000);
  await assertUnread(t, error);
  t.same(await pay.payments(), [error.payment]);
  t.same(await pay.spent(), { hour: 10, day: 10, total: 10 });
  t.equal(shop.types().join(), "challenge,quote,paying,failed");
  t.equal(shop.events.at(-1).code, code);

  const again = await t.rejects(pay(url), "payment_unknown");
  t.equal(again.payment.paymentHash, error.payment.paymentHash);
  await assertUnread(t, again);
  // a wallet that is not waited for may still be on its way
  await shop.until("payments", payments);
  const { log } = await shop.counts({ payments, requests: 2, challenges: 2, accepted: 0, refused: 0 });
  t.same(
    log.map((entry) => entry.authorization),
    [null, null],
  );
  t.equal(shop.asked.length, 1, "times the wallet was asked");
  return error;
}

/**
 * A wallet that knows it has not paid: `payment_failed`, the amount is free again, and the next call may ask it again.
 */
async function assertFailed(t, shop, pay, { cause, asked = 0 } = {}) {
  const error = await t.rejects(pay(shop.url("a")), "payment_failed");
  t.equal(error.payment.state, "failed");
  t.equal("cause" in error, cause !== undefined, "error has a cause");
  t.equal(error.cause, cause);
  await assertUnread(t, error);
  t.same(await pay.payments(), [error.payment]);
  t.same(await pay.spent(), { hour: 0, day: 0, total: 0 });
  t.equal(shop.types().join(), "challenge,quote,paying,failed");
  await t.rejects(pay(shop.url("a")), "payment_failed");
  t.equal((await pay.payments()).length, 2);
  const { log } = await shop.counts({ payments: 0, asked, requests: 2, accepted: 0, refused: 0 });
  t.same(
    log.map((entry) => entry.authorization),
    [null, null],
  );
}

export default [
  {
    name: "a function that answers with the preimage, in any form that is one",
    async run(t) {
      const shop = openShop(t);
      const forms = [
        (preimage) => preimage,
        (preimage) => preimage.toUpperCase(),
        hexToBase64,
        (preimage) => hexToBase64(preimage).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
        (preimage) => ({ preimage }),
        (preimage) => ({ preimage: hexToBase64(preimage), feeMsat: 2_000 }),
      ];
      for (const [index, form] of forms.entries()) {
        const pay = shop.client({ wallet: twisted(shop, ({ preimage }) => form(preimage)) });
        t.equal((await pay(shop.url(`a${index}`))).status, 200, `form ${index}`);
      }
      const { log } = await shop.counts({ payments: forms.length, accepted: forms.length });
      const sent = log.flatMap(({ credential }) => (credential ? [credential.split(":")[1]] : []));
      t.ok(
        sent.length === forms.length && sent.every((preimage) => /^[0-9a-f]{64}$/.test(preimage)),
        "lower-case hex on the wire",
      );
    },
  },
  {
    name: "a wallet that answers at once, without a promise",
    async run(t) {
      const shop = openShop(t);
      const [hash, preimage] = [[], []];
      const store = await t.rejects(
        shop.client({
          approve: async ({ invoice }) => {
            hash.push(invoice.paymentHash);
            preimage.push((await shop.settle(invoice.paymentRequest)).preimage);
            return false;
          },
        })(shop.url("a", { reuse_invoice: 0 })),
        "declined",
      );
      t.equal(store.code, "declined");
      // the same hash once more, whose preimage is known by now
      const response = await shop.client({ wallet: () => preimage[0] })(shop.url("b", { hash: hash[0] }));
      t.equal(response.status, 200);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "a Wallet object keeps its this, and says its balance",
    async run(t) {
      const shop = openShop(t);
      class Purse {
        #left = 50_000;
        async pay(invoice, context) {
          this.#left -= invoice.amountMsat;
          return shop.wallet()(invoice, context);
        }
        async balanceMsat() {
          return this.#left;
        }
      }
      const pay = shop.client({ wallet: new Purse() });
      t.equal(await pay.balanceMsat(), 50_000);
      t.equal((await pay(shop.url("a"))).status, 200);
      t.equal(await pay.balanceMsat(), 40_000);
      t.equal(await shop.pay.balanceMsat(), null);
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "a WebLN provider is enabled, then asked to pay the invoice",
    async run(t) {
      const shop = openShop(t);
      const calls = [];
      const webln = {
        async enable() {
          calls.push("enable");
        },
        async sendPayment(paymentRequest) {
          calls.push(paymentRequest);
          return { preimage: (await shop.settle(paymentRequest)).preimage };
        },
      };
      const pay = shop.client({ wallet: webln });
      t.equal((await pay(shop.url("a"))).status, 200);
      const { quote } = shop.events[1];
      t.same(calls, ["enable", quote.invoice.paymentRequest]);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "a WebLN user who refuses has not paid; a provider that breaks may have",
    async run(t) {
      for (const provider of ["enable", "sendPayment"]) {
        const shop = openShop(t);
        const cause = new Error("User rejected");
        const webln = {
          enable: async () => {},
          sendPayment: async () => ({}),
          [provider]: async () => Promise.reject(cause),
        };
        await assertFailed(t, shop, shop.client({ wallet: webln }), { cause });
      }
      const shop = openShop(t);
      const cause = new Error("Prompt was closed");
      const webln = {
        enable: async () => {},
        sendPayment: async (invoice) =>
          shop.settle(invoice).then(() => {
            shop.asked.push(invoice);
            throw cause;
          }),
      };
      const error = await assertDoubtful(t, shop, shop.client({ wallet: webln }), "payment_unknown");
      t.equal(error.cause, cause);
    },
  },
  {
    name: "an NWC client is asked with { invoice }, its fees_paid is counted",
    async run(t) {
      const shop = openShop(t);
      const nwc = {
        async payInvoice({ invoice }) {
          return { preimage: (await shop.settle(invoice)).preimage, fees_paid: 2_000 };
        },
      };
      const pay = shop.client({ wallet: nwc });
      const response = await pay(shop.url("a"));
      t.equal(t.pkg.receiptOf(response).payment.feeMsat, 2_000);
      t.equal((await pay.spent()).total, 12);
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  ...[
    ["undefined", "no_preimage", () => undefined],
    ["null", "no_preimage", () => null],
    ["an empty object", "no_preimage", () => ({})],
    ["an empty text", "no_preimage", () => ""],
    ["a number", "no_preimage", () => 5],
    ["false", "no_preimage", () => false],
    ["true", "no_preimage", () => true],
    ["a preimage that is no text", "no_preimage", () => ({ preimage: 7 })],
    ["the invoice", "no_preimage", (_, invoice) => ({ preimage: invoice.paymentRequest })],
    ["half a preimage", "no_preimage", ({ preimage }) => preimage.slice(0, 32)],
    ["zeros", "no_preimage", () => ({ preimage: "00".repeat(32) })],
    ["the payment hash", "wrong_preimage", (_, invoice) => invoice.paymentHash],
  ].map(([what, code, answer]) => ({
    name: `a wallet that answers ${what}: ${code}, still counted, no credential sent`,
    async run(t) {
      const shop = openShop(t);
      const error = await assertDoubtful(t, shop, shop.client({ wallet: twisted(shop, answer) }), code);
      t.equal("cause" in error, false, "error has a cause");
    },
  })),
  ...[
    ["none", "no_preimage"],
    ["zeros", "no_preimage"],
    ["invoice", "no_preimage"],
    ["other", "wrong_preimage"],
    ["true", "no_preimage"],
  ].map(([answer, code]) => ({
    name: `a real wallet that pays and answers badly (${answer}): ${code}`,
    async run(t) {
      const shop = openShop(t);
      await assertDoubtful(t, shop, shop.client({ wallet: shop.wallet(`answer=${answer}`) }), code);
    },
  })),
  {
    name: "a wallet that throws: payment_unknown, with the thrown value by identity",
    async run(t) {
      for (const cause of [new Error("the wallet broke"), "a text", null, { any: "object" }]) {
        const shop = openShop(t);
        const pay = shop.client({
          wallet: twisted(shop, () => {
            throw cause;
          }),
        });
        const error = await assertDoubtful(t, shop, pay, "payment_unknown");
        t.ok("cause" in error, "error has a cause");
        t.equal(error.cause, cause);
      }
      const shop = openShop(t);
      const cause = new Error("thrown before any promise");
      const pay = shop.client({
        wallet(invoice) {
          shop.asked.push({ invoice });
          throw cause;
        },
      });
      const error = await assertDoubtful(t, shop, pay, "payment_unknown", { payments: 0 });
      t.equal(error.cause, cause);
    },
  },
  {
    name: "a wallet that answers failed: payment_failed, the amount is free again",
    async run(t) {
      const shop = openShop(t);
      await assertFailed(t, shop, shop.client({ wallet: shop.wallet("answer=failed") }), { asked: 2 });
      const other = openShop(t);
      const cause = new Error("no route");
      await assertFailed(t, other, other.client({ wallet: async () => ({ failed: "no route", cause }) }), { cause });
    },
  },
  {
    name: "a failed payment keeps nobody from paying the next time",
    async run(t) {
      const shop = openShop(t);
      let times = 0;
      const pay = shop.client({
        limits: { perPayment: 100, total: 10 },
        wallet: (...args) => shop.wallet(times++ === 0 ? "answer=failed" : "")(...args),
      });
      await t.rejects(pay(shop.url("a")), "payment_failed");
      t.equal((await pay(shop.url("a"))).status, 200);
      t.same(
        (await pay.payments()).map((payment) => payment.state),
        ["paid", "failed"],
      );
      await shop.counts({ payments: 1, asked: 2, accepted: 1 });
    },
  },
  {
    name: "a wallet whose method has gone has not paid",
    async run(t) {
      for (const method of ["pay", "sendPayment", "payInvoice"]) {
        const shop = openShop(t);
        const wallet = { enable: async () => {}, [method]: async () => ({}) };
        const pay = shop.client({ wallet });
        delete wallet[method];
        await assertFailed(t, shop, pay);
      }
    },
  },
  {
    name: "an answer after paymentTimeout is recorded, and the next call uses its token",
    async run(t) {
      const shop = openShop(t);
      const held = deferred();
      const pay = shop.client({
        paymentTimeout: 60,
        wallet: async (...args) => {
          const answer = await shop.wallet()(...args);
          await held.promise;
          return answer;
        },
      });
      const error = await t.rejects(pay(shop.url("a")), "payment_unknown");
      t.equal(error.payment.state, "unknown");
      const { signal } = shop.asked[0].context;
      t.ok(signal.aborted, "the wallet's signal has fired");
      t.equal(signal.reason.name, "TimeoutError");
      t.same(await pay.spent(), { hour: 10, day: 10, total: 10 });
      await t.rejects(pay(shop.url("a")), "payment_unknown");

      held.resolve();
      const { payment } = await shop.event("paid");
      t.equal(payment.paymentHash, error.payment.paymentHash);
      const response = await pay(shop.url("a"));
      t.equal(response.status, 200);
      t.same(t.pkg.receiptOf(response), { payment, paidNow: false });
      t.same(await pay.spent(), { hour: 10, day: 10, total: 10 });
      await shop.counts({ payments: 1, asked: 1, accepted: 1, requests: 3 });
    },
  },
  {
    name: "a late answer that says that nothing was paid frees the amount",
    async run(t) {
      const shop = openShop(t);
      const held = deferred();
      const settled = deferred();
      const shared = { store: t.pkg.memoryStore(), limits: { perPayment: 100, total: 10 } };
      const pay = shop.client({
        ...shared,
        paymentTimeout: 60,
        wallet: () => held.promise.finally(() => settled.resolve()),
      });
      await t.rejects(pay(shop.url("a")), "payment_unknown");
      held.resolve({ failed: "no route" });
      await settled.promise;
      // resolve() says the same once more, so it ends after the late answer was taken, whichever is first
      const [{ paymentHash }] = await pay.payments();
      await pay.resolve(paymentHash, "failed");
      t.equal((await pay.payments())[0].state, "failed");
      t.equal((await shop.client(shared)(shop.url("a"))).status, 200);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "a wallet that never answers: payment_unknown, counted, asked once",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({
        paymentTimeout: 60,
        wallet: async (invoice, context) => {
          shop.asked.push({ invoice, context });
          await shop.settle(invoice.paymentRequest);
          return new Promise(() => {});
        },
      });
      await assertDoubtful(t, shop, pay, "payment_unknown");
    },
  },
  {
    name: "proof: none believes a wallet without a preimage, and sends the bare token",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ proof: "none", wallet: shop.wallet("answer=true") });
      const url = shop.url("a", { bare: 1 });
      t.equal((await pay(url)).status, 200);
      t.equal((await pay(url)).status, 200);
      const token = shop.events[0].challenges[0].offer.token;
      t.same(await shop.authorizations(), [null, `L402 ${token}`, `L402 ${token}`]);
      await shop.counts({ payments: 1, accepted: 2 });

      // a preimage is still proven, and nothing at all is still no word
      const proven = shop.client({ proof: "none" });
      t.equal((await proven(shop.url("b"))).status, 200);
      await t.rejects(
        shop.client({ proof: "none", wallet: shop.wallet("answer=other") })(shop.url("c")),
        "wrong_preimage",
      );
      await t.rejects(shop.client({ proof: "none", wallet: shop.wallet("answer=none") })(shop.url("d")), "no_preimage");
      await shop.counts({ payments: 4, accepted: 3 });
    },
  },
];
