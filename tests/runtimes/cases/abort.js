// The caller's abort ends its own call with its own reason, and never a payment.
import { deferred, openShop } from "../shop.js";

/** A controller, and a check that a call rejects with its reason, which is no Error. */
function aborter(t) {
  const controller = new AbortController();
  const reason = { why: "the caller's own" };
  return {
    signal: controller.signal,
    abort: () => controller.abort(reason),
    async rejects(call) {
      t.equal(await t.rejects(call), reason, "the rejection");
    },
    /**
     * The same if fetch itself is aborted. workerd's fetch rejects with a copy, WebKit's with its own AbortError. If
     * the call went through the core, it rejects with the reason.
     */
    async rejectsAsFetch(call) {
      const rejection = await t.rejects(call);
      if (t.runtime === "workerd") t.same(rejection, reason);
      else if (t.runtime === "webkit" && rejection !== reason) t.equal(rejection.name, "AbortError");
      else t.equal(rejection, reason, "the rejection");
    },
  };
}

export default [
  {
    name: "aborted before the call: no request, no payment",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      own.abort();
      await own.rejects(shop.pay(shop.url("a"), { signal: own.signal }));
      await own.rejects(shop.pay.quote(shop.url("a"), { signal: own.signal }));
      t.same(shop.events, []);
      await shop.counts({ payments: 0, asked: 0, requests: 0 });
    },
  },
  {
    name: "aborted while the challenge is awaited: no payment",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const call = shop.pay(shop.url("a", { hold: "unpaid" }), { signal: own.signal });
      await shop.until("requests", 1);
      own.abort();
      await own.rejectsAsFetch(call);
      t.same(shop.events, []);
      await shop.release();
      await shop.counts({ payments: 0, asked: 0, requests: 1 });
    },
  },
  {
    name: "aborted during approve: nothing is paid, and the reservation is free again",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const [asked, answer] = [deferred(), deferred()];
      const pay = shop.client({
        limits: { perPayment: 100, total: 10 },
        approve: () => {
          asked.resolve();
          return answer.promise;
        },
      });
      const call = pay(shop.url("a"), { signal: own.signal });
      await asked.promise;
      own.abort();
      await own.rejects(call);
      answer.resolve(true);
      // An origin has one purchase at a time. So this one begins after the abandoned one has ended.
      t.equal((await pay(shop.url("b"))).status, 200);
      t.equal((await pay.payments()).length, 1);
      t.same(shop.types(), ["challenge", "quote", "challenge", "quote", "paying", "paid"]);
      await shop.counts({ payments: 1, asked: 1, requests: 3 });
    },
  },
  {
    name: "aborted during approve, which never answers: its signal fires, and the next question is asked",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const asked = [];
      const waiting = [deferred(), deferred()];
      const pay = shop.client({
        limits: { perPayment: 100, total: 15 },
        approve: (quote, { signal }) => {
          const { length } = asked;
          asked.push(new URL(quote.url).pathname);
          waiting[length].resolve(signal);
          return length > 0 || new Promise(() => {});
        },
      });
      const call = pay(shop.url("a"), { signal: own.signal });
      const signal = await waiting[0].promise;
      const closed = new Promise((resolve) => signal.addEventListener("abort", resolve));
      t.equal(signal.aborted, false);
      own.abort();
      await own.rejects(call);
      await closed;
      t.equal((await pay(shop.url("b"))).status, 200);
      t.same(asked, [shop.path("a"), shop.path("b")]);
      t.equal((await waiting[1].promise).aborted, false);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "approve is asked one question at a time",
    async run(t) {
      const shop = openShop(t);
      const [first, answer] = [deferred(), deferred()];
      let open = 0;
      let most = 0;
      const pay = shop.client({
        approve: async () => {
          most = Math.max(most, ++open);
          first.resolve();
          await answer.promise;
          open--;
          return true;
        },
      });
      const calls = [pay(shop.url("a")), pay(shop.url("a", {}, t.other))];
      await first.promise;
      await shop.until("challenges", 2);
      answer.resolve();
      t.same(
        (await Promise.all(calls)).map(({ status }) => status),
        [200, 200],
      );
      t.equal(most, 1);
      await shop.counts({ payments: 2 });
    },
  },
  {
    name: "aborted during the payment: the payment goes on, and the next call uses it",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const pay = shop.client({ wallet: shop.wallet("answer=hold") });
      const call = pay(shop.url("a"), { signal: own.signal });
      await shop.until("asked", 1);
      own.abort();
      await own.rejects(call);
      t.equal(shop.asked[0].context.signal.aborted, false, "the wallet's signal fired");
      const second = pay(shop.url("a"));
      await shop.until("challenges", 2);
      await shop.release();
      const response = await second;
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      t.equal(t.pkg.receiptOf(await pay(shop.url("a"))).paidNow, false);
      t.same(
        (await pay.payments()).map((payment) => payment.state),
        ["paid"],
      );
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
  {
    name: "aborted during the repeat: the caller's reason, and the next call uses the token",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const url = shop.url("a", { hold: "paid" });
      const call = shop.pay(url, { signal: own.signal });
      await shop.until("requests", 2);
      own.abort();
      await own.rejects(call);
      t.same(shop.types(), ["challenge", "quote", "paying", "paid"]);
      const next = shop.pay(url);
      await shop.until("requests", 3);
      await shop.release();
      t.equal(t.pkg.receiptOf(await next).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, requests: 3 });
    },
  },
  {
    name: "aborted while a token is reused: the caller's reason, the token stays",
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      const own = aborter(t);
      const call = shop.pay(shop.url("b", { hold: "paid" }), { signal: own.signal });
      await shop.until("requests", 3);
      own.abort();
      await own.rejectsAsFetch(call);
      await shop.release();
      t.equal(t.pkg.receiptOf(await shop.pay(shop.url("a"))).paidNow, false);
      await shop.counts({ payments: 1, requests: 4 });
    },
  },
  {
    name: "aborted while the paid answer is read: its body ends",
    async run(t) {
      const shop = openShop(t);
      const controller = new AbortController();
      const response = await shop.pay(shop.url("a", { size: 400_000, gate: 1 }), { signal: controller.signal });
      const reader = response.body.getReader();
      t.ok((await reader.read()).value.length > 0, "the first bytes");
      controller.abort();
      await t.rejects(
        (async () => {
          while (!(await reader.read()).done);
        })(),
      );
      await shop.counts({ payments: 1, accepted: 1 });
    },
  },
  {
    name: "without a reason of the caller's it is the runtime's AbortError; a timeout is a TimeoutError",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ wallet: shop.wallet("answer=hold") });
      const controller = new AbortController();
      const call = pay(shop.url("a"), { signal: controller.signal });
      await shop.until("asked", 1);
      controller.abort();
      const error = await t.rejects(call);
      t.equal(error, controller.signal.reason);
      t.equal(error.name, "AbortError");
      const late = await t.rejects(pay(shop.url("a"), { signal: AbortSignal.timeout(50) }));
      t.equal(late.name, "TimeoutError");
      await shop.release();
      await shop.event("paid");
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "one of several waiting callers gives up: the others get the answer",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const pay = shop.client({ wallet: shop.wallet("answer=hold") });
      const calls = [pay(shop.url("a")), pay(shop.url("a"), { signal: own.signal }), pay(new Request(shop.url("a")))];
      await shop.until("asked", 1);
      await shop.until("challenges", 3);
      own.abort();
      await own.rejects(calls[1]);
      await shop.release();
      t.same([(await calls[0]).status, (await calls[2]).status], [200, 200]);
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
  {
    name: "a Request's own signal counts as well",
    async run(t) {
      const shop = openShop(t);
      const own = aborter(t);
      const pay = shop.client({ wallet: shop.wallet("answer=hold") });
      const call = pay(new Request(shop.url("a"), { signal: own.signal }));
      await shop.until("asked", 1);
      own.abort();
      await own.rejects(call);
      await shop.release();
      await shop.event("paid");
      t.equal(t.pkg.receiptOf(await pay(shop.url("a"))).paidNow, false);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
];
