// Sessions of MPP, at a paywall that follows the draft: each challenge is good once, and streams wait for deposits.
import { openShop } from "../shop.js";

/** A shop whose client pays sessions: 10 sat a unit, 20 sat a deposit unless a case says more. */
function openSession(t, options = {}, query = "") {
  const shop = openShop(t);
  shop.pay = shop.client({ wallet: shop.account(query), sessions: { maxDeposit: 100 }, ...options });
  shop.session = (path, settings) => shop.url(path, { scheme: "session", deposit: 2, ...settings });
  return shop;
}

/** The events of a stream, by their data; those with a name in brackets. */
async function eventsOf(response) {
  const text = await response.text();
  return text.split("\n\n").flatMap((event) => {
    const [, name] = /^event: (.*)$/m.exec(event) ?? [];
    const [, data] = /^data: (.*)$/m.exec(event) ?? [];
    return name ? [`(${name})`] : data === undefined ? [] : [data];
  });
}

export default [
  {
    name: "a session is opened by one deposit, drawn on, added to and closed, and its rest comes back",
    async run(t) {
      const shop = openSession(t);
      const seen = [];
      for (const path of ["a", "b", "a", "c", "c"]) {
        const response = await shop.pay(shop.session(path, { price: 10, deposit: 2 }));
        t.equal(response.status, 200);
        t.same(await response.json(), { bought: shop.path(path) });
        const receipt = t.pkg.receiptOf(response);
        t.equal(receipt.payment.protocol, "mpp");
        t.equal(receipt.attested.reference, receipt.payment.sessionId);
        seen.push(receipt.paidNow);
      }
      // The request that opens the session costs nothing of its own at this shop.
      t.same(seen, [true, false, false, true, false]);
      const [session] = await shop.pay.sessions();
      const { origin, sessionId, openedAt, ...rest } = session;
      t.same(rest, { depositMsat: 40_000, unitMsat: 10_000, unitType: "unit", idleTimeout: 300 });
      t.same([origin, sessionId.length, openedAt > 1_700_000_000], [t.base, 64, true]);
      t.same(await shop.pay.spent(), { hour: 40, day: 40, total: 40 });
      const closed = await shop.pay.closeSessions(t.base);
      t.same(closed, [{ session, refundSats: 0, refundStatus: "skipped", receivedMsat: 0 }]);
      t.same(await shop.pay.sessions(), []);
      await shop.counts({ payments: 2, paidMsat: 40_000, accepted: 7 });
    },
  },
  {
    name: "what comes back of a session was not spent, by the wallet's own word",
    async run(t) {
      const shop = openSession(t);
      t.equal((await shop.pay(shop.session("a"))).status, 200);
      t.equal((await shop.pay(shop.session("a"))).status, 200);
      const closed = await shop.pay.closeSessions();
      t.same(
        closed.map(({ session, ...rest }) => rest),
        [{ refundSats: 10, refundStatus: "succeeded", receivedMsat: 10_000 }],
      );
      t.same(await shop.pay.spent(), { hour: 10, day: 10, total: 10 });
      const [payment] = await shop.pay.payments();
      t.same([payment.amountMsat, payment.refundedMsat, payment.state], [20_000, 10_000, "paid"]);
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "a stream that has used up its deposit gets another while it is read, and goes on",
    async run(t) {
      for (const method of ["GET", "POST"]) {
        const shop = openSession(t);
        const url = shop.session("stream", { price: 1, deposit: 3, chunks: 8 });
        const response = await shop.pay(url, { method, ...(method === "POST" && { body: "prompt" }) });
        t.ok(response instanceof Response);
        t.same([response.status, response.url, response.ok], [200, url, true]);
        t.equal(response.headers.get("content-type"), "text/event-stream");
        t.same(await eventsOf(response), [
          ..."012",
          "(payment-need-topup)",
          ..."345",
          "(payment-need-topup)",
          ..."67",
          "[DONE]",
        ]);
        await shop.counts({ payments: 3, paidMsat: 9_000 });
        const [{ refundSats, receivedMsat }] = await shop.pay.closeSessions();
        t.same([refundSats, receivedMsat], [1, 1_000]);
        t.equal((await shop.pay.spent()).total, 8);
      }
    },
  },
  {
    name: "a deposit for a stream stays within the limits: over_limit is told, and the reader keeps the stream",
    async run(t) {
      const shop = openSession(t, { sessions: { maxDeposit: 3 } });
      const response = await shop.pay(shop.session("stream", { price: 1, deposit: 3, chunks: 4 }));
      const reader = response.body.getReader();
      let text = "";
      while (!text.includes("payment-need-topup")) text += new TextDecoder().decode((await reader.read()).value);
      const refused = await shop.event("refused");
      t.equal(refused.code, "over_limit");
      t.ok(refused.message.includes("sessions.maxDeposit of 3 sat"), refused.message);
      await reader.cancel();
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "a session that the shop has closed is followed by another, and its refund counts",
    async run(t) {
      const shop = openSession(t);
      t.equal((await shop.pay(shop.session("a"))).status, 200);
      await shop.closeSessions();
      const response = await shop.pay(shop.session("a"));
      t.same([response.status, t.pkg.receiptOf(response).paidNow], [200, true]);
      t.equal((await shop.pay.sessions()).length, 1);
      t.same(await shop.pay.spent(), { hour: 20, day: 20, total: 20 });
      await shop.counts({ payments: 2 });
    },
  },
  {
    name: "calls at once share one deposit",
    async run(t) {
      const shop = openSession(t);
      const all = ["a", "b", "c", "d"].map((path) => shop.pay(shop.session(path, { price: 1, deposit: 20 })));
      for (const response of await Promise.all(all)) t.equal(response.status, 200);
      await shop.counts({ payments: 1, paidMsat: 20_000 });
      t.equal((await shop.pay.sessions()).length, 1);
    },
  },
  {
    name: "a deposit is quoted as one, approved once, and nothing more is asked while it lasts",
    async run(t) {
      const asked = [];
      const shop = openSession(t, { approve: (quote) => asked.push([quote.amountSat, quote.deposit]) > 0 });
      const url = shop.session("a");
      const quote = await shop.pay.quote(url);
      t.same([quote.amountSat, quote.deposit, quote.protocol], [20, true, "mpp"]);
      await shop.pay(url);
      t.equal(await shop.pay.quote(url), null);
      await shop.pay(url);
      t.same(asked, [[20, true]]);
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "a wallet that fails to make an invoice pays no deposit: payment_failed, with its error",
    async run(t) {
      const shop = openSession(t);
      const cause = new Error("invoices are switched off");
      const wallet = { ...shop.account(), makeInvoice: () => Promise.reject(cause) };
      const pay = shop.client({ wallet, sessions: { maxDeposit: 100 } });
      const error = await t.rejects(pay(shop.session("a")), "payment_failed");
      t.same([error.cause === cause, error.moneyMoved], [true, "no"]);
      t.ok(error.message.includes("invoices are switched off"), error.message);
      await shop.counts({ payments: 0 });
    },
  },
  {
    name: "without the option, or with a wallet that makes no invoices, there are no sessions",
    async run(t) {
      const shop = openShop(t);
      const response = await shop.pay(shop.url("a", { scheme: "session" }));
      t.same([response.status, shop.types().at(-1)], [402, "unpayable"]);
      t.same([await shop.pay.sessions(), await shop.pay.closeSessions()], [[], []]);
      for (const wallet of [shop.wallet(), { pay: shop.wallet() }]) {
        const error = t.throws(() => shop.client({ wallet, sessions: { maxDeposit: 1 } }), "invalid_options");
        t.ok(error.message.includes("makeInvoice"), error.message);
      }
      await shop.counts({ payments: 0 });
    },
  },
];
