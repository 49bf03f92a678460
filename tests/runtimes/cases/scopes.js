// Scopes: budgets within budgets. And limits on the number of orders, `approveAbove` and `remaining()`.
import { deferred, mapStore, openShop, watchedFetch } from "../shop.js";

/** Buys at distinct paths whose tokens open nothing else. */
const seller = (shop, settings) => {
  let next = 0;
  return (pay, base) => pay(shop.url(`a${next++}`, { scope: "path", ...settings }, base));
};
const total = async (pay, origin) => (await pay.spent(origin)).total;
const left = (values) => ({ payment: 0, hour: null, day: null, total: null, payments: null, ...values });

export default [
  {
    name: "a scope narrows, what it spends counts in every scope around it, and those beside it are free",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ limits: { perPayment: 100, total: 50 } });
      const buy = seller(shop);
      const agent = pay.within({ name: "agent", limits: { total: 30 } });
      const task = agent.within({ name: "task", limits: { perPayment: 1_000, total: 20 } });
      await buy(task);
      await buy(task);
      const error = await t.rejects(buy(task), "over_limit");
      t.ok(error.message.startsWith("paying 10 sat would exceed limits.total of 20 sat in the scope task:"));
      t.same(await Promise.all([task, agent, pay].map((scope) => total(scope))), [20, 20, 20]);
      await buy(agent);
      t.ok((await t.rejects(buy(agent), "over_limit")).message.includes("30 sat in the scope agent:"));
      const other = pay.within({ name: "other", limits: { total: 1_000 } });
      await buy(other);
      await buy(other);
      // The scope allows more than the client does.
      const outer = await t.rejects(buy(other), "over_limit");
      t.ok(outer.message.startsWith("paying 10 sat would exceed limits.total of 50 sat: "), outer.message);
      t.same(await Promise.all([task, agent, other, pay].map((scope) => total(scope))), [20, 30, 20, 50]);
      await shop.counts({ payments: 5, asked: 5 });
    },
  },
  {
    name: "payments tell of a scope and of those within it, and name the scopes",
    async run(t) {
      const shop = openShop(t);
      const buy = seller(shop);
      const agent = shop.pay.within({ name: "agent", limits: {} });
      const nameless = agent.within({ limits: {} });
      const task = nameless.within({ name: "task 7: \u{1f600}", limits: {} });
      for (const pay of [shop.pay, agent, nameless, task]) await buy(pay);
      const scopes = async (pay, filter) => (await pay.payments(filter)).map((payment) => payment.scopes.join("/"));
      const all = ["agent/task 7: \u{1f600}", "agent", "agent", ""];
      t.same(await scopes(shop.pay), all);
      t.same(await scopes(shop.pay, { scope: "agent" }), all.slice(0, 3));
      t.same(await scopes(shop.pay, { scope: "agent/task 7: \u{1f600}" }), all.slice(0, 1));
      t.same(await scopes(shop.pay, { scope: "task 7: \u{1f600}" }), []);
      t.same(await scopes(agent), all.slice(0, 3));
      t.same(await scopes(nameless), all.slice(0, 3), "those of the nearest scope that has a name");
      t.same(await scopes(task), all.slice(0, 1));
      t.same(await scopes(task, { scope: "agent", limit: 2 }), all.slice(0, 2));
      for (const scope of ["", "/", "a/", "/a", "a//b", 5, null])
        t.equal((await t.rejects(shop.pay.payments({ scope }), "invalid_options")).code, "invalid_options");
      const [last] = await task.payments();
      t.equal(last.invoice, shop.asked.at(-1).invoice.paymentRequest);
      t.equal(last.description, shop.asked.at(-1).invoice.description);
      await shop.counts({ payments: 4 });
    },
  },
  {
    name: "a scope with a name is kept in the store, one without a name by its object alone",
    async run(t) {
      const shop = openShop(t);
      const store = t.pkg.memoryStore();
      const buy = seller(shop);
      const limits = { total: 10 };
      const [first, second] = [shop.client({ store }), shop.client({ store })];
      await buy(first.within({ name: "task", limits }));
      await t.rejects(buy(second.within({ name: "task", limits })), "over_limit");
      await buy(second.within({ name: "task", limits: { total: 20 } }));
      await buy(second.within({ limits: {} }).within({ name: "other", limits }));
      await t.rejects(buy(first.within({ name: "other", limits })), "over_limit");

      const nameless = first.within({ limits });
      await buy(nameless);
      const error = await t.rejects(buy(nameless), "over_limit");
      t.ok(
        error.message.startsWith("paying 10 sat would exceed limits.total of 10 sat in a scope without a name:"),
        error.message,
      );
      t.equal(await total(nameless), 10);
      const again = first.within({ limits });
      await buy(again);
      t.same([await total(again), await total(first)], [10, 50]);
      await shop.counts({ payments: 5, asked: 5 });
    },
  },
  {
    name: "a scope without a name counts what becomes of its payments",
    async run(t) {
      const shop = openShop(t);
      const buy = seller(shop);
      const limits = { total: 14 };
      const failing = shop.client({ wallet: shop.wallet("answer=failed") }).within({ limits });
      await t.rejects(buy(failing), "payment_failed");
      t.same(await failing.remaining(), left({ payment: 14, total: 14 }));
      t.equal(await total(failing), 0);

      const losing = shop.client({ wallet: shop.wallet("answer=none") });
      const scope = losing.within({ limits });
      const { payment } = await t.rejects(buy(scope), "no_preimage");
      t.same(await scope.remaining(), left({ payment: 0, total: 0 }), "the fee reserve counts");
      await losing.resolve(payment.paymentHash, { preimage: await shop.preimage(payment.paymentHash) });
      t.same(await scope.remaining(), left({ payment: 0, total: 0 }), "what is not known at its end counts in full");
      t.same([await total(scope), await total(losing)], [10, 10]);

      const paying = shop.client({ wallet: shop.wallet("fee=1000") }).within({ limits });
      await buy(paying);
      t.same(await paying.remaining(), left({ payment: 3, total: 3 }));
      t.equal(await total(paying), 11);
      await shop.counts({ payments: 2, asked: 3 });
    },
  },
  {
    name: "who waits for a purchase of another scope is not charged, and one resource is bought once",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ limits: { perPayment: 100 } });
      const limits = { total: 1_000 };
      const scopes = ["a", "b", undefined].map((name) => pay.within({ name, limits }));
      const responses = await Promise.all(scopes.flatMap((scope) => [scope(shop.url("x")), scope(shop.url("x"))]));
      const paidNow = responses.map((response) => t.pkg.receiptOf(response).paidNow);
      t.equal(paidNow.filter(Boolean).length, 1);
      const payer = Math.floor(paidNow.indexOf(true) / 2);
      const sums = await Promise.all(scopes.map((scope) => total(scope)));
      t.same(
        sums,
        scopes.map((_, i) => (i === payer ? 10 : 0)),
      );
      t.equal(await total(pay), 10);
      // What was bought in one scope opens in all others.
      const narrow = pay.within({ limits: { total: 0 } });
      t.equal(t.pkg.receiptOf(await narrow(shop.url("x"))).paidNow, false);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "who waits is not refused by the limits, or the approve, of another scope",
    async run(t) {
      for (const code of ["over_limit", "declined"]) {
        const shop = openShop(t);
        const [watched, store, isBuying] = [watchedFetch(3), mapStore(), deferred()];
        const allAnswered = () => {
          isBuying.resolve();
          return watched.answered;
        };
        const pay = shop.client({
          fetch: watched.fetch,
          store: {
            ...store,
            // Whoever is asked for more than is left reads the sums again before it is refused.
            async read(keys) {
              if (watched.responses === 1 && keys.includes("sums")) await allAnswered();
              return store.read(keys);
            },
          },
        });
        const narrow =
          code === "over_limit"
            ? { limits: { total: 9 } }
            : { limits: {}, approve: () => allAnswered().then(() => false) };
        const first = t.rejects(pay.within(narrow)(shop.url("a")), code);
        await isBuying.promise;
        const others = [pay.within({ name: "wide", limits: {} })(shop.url("a")), pay(shop.url("a"))];
        await first;
        t.same(
          (await Promise.all(others)).map(({ status }) => status),
          [200, 200],
        );
        await shop.counts({ payments: 1, asked: 1 });
      }
    },
  },
  {
    name: "every approve outwards is asked, outermost first, and only true of all of them pays",
    async run(t) {
      const shop = openShop(t);
      const asked = [];
      const answers = {};
      const approve = (name) => (quote, context) => {
        asked.push([name, quote.amountSat, context.remaining.total]);
        return answers[name]();
      };
      const pay = shop.client({ limits: { perPayment: 100, total: 100 }, approve: approve("client") });
      const outer = pay.within({ limits: { total: 60 } });
      const task = outer.within({ name: "task", limits: { total: 70 }, approve: approve("task") });
      const mine = new Error("mine");
      const yes = () => true;
      for (const [client, inner, names, code] of [
        [yes, yes, ["client", "task"]],
        [() => 1, yes, ["client"], "declined"],
        [yes, () => undefined, ["client", "task"], "declined"],
        [yes, () => Promise.reject(mine), ["client", "task"], "declined"],
      ]) {
        Object.assign(answers, { client, task: inner });
        asked.length = 0;
        const remaining = (await task.remaining()).total;
        const paying = task(shop.url(`a${names.length}${code}`, { scope: "path" }));
        if (code) {
          const error = await t.rejects(paying, code);
          t.ok(inner === yes || error.cause === undefined || error.cause === mine, "the cause");
        } else t.equal((await paying).status, 200);
        t.same(
          asked,
          names.map((name) => [name, 10, remaining]),
        );
      }
      t.same(await task.remaining(), left({ payment: 50, total: 50 }), "nothing stays reserved");
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "every listener outwards is told, of a reuse too, and those of other scopes are not",
    async run(t) {
      const shop = openShop(t);
      const heard = { outer: [], inner: [], other: [] };
      const listening = (name) => ({ limits: {}, onEvent: (event) => heard[name].push(event) });
      const outer = shop.pay.within(listening("outer"));
      const inner = outer.within(listening("inner"));
      shop.pay.within(listening("other"));
      await inner(shop.url("a"));
      await inner(`${shop.url("a")}#fragment`);
      const types = ["challenge", "quote", "paying", "paid", "reused"];
      t.same(shop.types(), types);
      t.same(heard.outer, shop.events);
      t.same(heard.inner, shop.events);
      t.equal(heard.inner.at(-1).url, shop.url("a"));
      await shop.pay(shop.url("a"));
      t.same([shop.types().length, heard.outer.length, heard.other.length], [6, 5, 0]);
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "approveAbove asks only above so much, fee included",
    async run(t) {
      for (const [approveAbove, limits, price, times] of [
        [15, {}, 10, 0],
        [14, {}, 10, 1],
        // The limits leave 4 sat for the fee.
        [14, { total: 14 }, 10, 0],
        [13, { total: 14 }, 10, 1],
        [0, { total: 10 }, 10, 1],
      ]) {
        const shop = openShop(t);
        let asked = 0;
        const approve = () => ++asked > 0;
        const pay = shop.client({ limits: { perPayment: 100, ...limits }, approve, approveAbove });
        t.equal((await pay(shop.url("a", { price }))).status, 200);
        t.equal(asked, times, `above ${approveAbove}`);
        await shop.counts({ payments: 1, asked: 1 });
      }
      const shop = openShop(t);
      const pay = shop.client({ approveAbove: 20 }).within({ limits: {}, approve: () => false });
      t.equal((await pay(shop.url("a", { scope: "path" }))).status, 200);
      await t.rejects(pay(shop.url("b", { scope: "path", price: 16 })), "declined");
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "remaining() tells the least of all limits, and takes off what is reserved",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({
        limits: {
          perPayment: 100,
          perDay: 80,
          payments: { perHour: 9 },
          perOrigin: { perHour: 30, payments: { perDay: 2 } },
        },
        wallet: shop.wallet("answer=none"),
      });
      const task = pay.within({ name: "task", limits: { perHour: 60, perPayment: 50 } });
      t.same(await pay.remaining(), { payment: 80, hour: null, day: 80, total: null, payments: 9 });
      t.same(await task.remaining(), { payment: 50, hour: 60, day: 80, total: null, payments: 9 });
      t.same(await task.remaining(t.base), { payment: 30, hour: 30, day: 80, total: null, payments: 2 });
      const { payment } = await t.rejects(pay(shop.url("a", { scope: "path" })), "no_preimage");
      t.same(await pay.remaining(), { payment: 65, hour: null, day: 65, total: null, payments: 8 });
      t.same(await task.remaining(), { payment: 50, hour: 60, day: 65, total: null, payments: 8 });
      t.same(await task.remaining(shop.url("b")), { payment: 15, hour: 15, day: 65, total: null, payments: 1 });
      t.same(await task.remaining(t.other), { payment: 30, hour: 30, day: 65, total: null, payments: 2 });
      await pay.resolve(payment.paymentHash, "failed");
      t.same(await pay.remaining(t.base), { payment: 30, hour: 30, day: 80, total: null, payments: 1 });
      await t.rejects(task(shop.url("b", { scope: "path" })), "no_preimage");
      t.same(await task.remaining(t.base), { payment: 0, hour: 15, day: 65, total: null, payments: 0 });
      t.equal((await t.rejects(pay.remaining("nowhere"), "invalid_options")).message, "origin must be an absolute url");
    },
  },
  {
    name: "orders are limited by their number, and the error tells when the next may be made",
    async run(t) {
      const shop = openShop(t);
      // The beginning of a bucket.
      let now = Math.floor(Date.now() / 5_000) * 5_000;
      const payments = { perMinute: 2, perHour: 3 };
      const pay = shop.client({ limits: { perPayment: 100, payments }, now: () => now });
      const buy = seller(shop);
      await buy(pay);
      await t.rejects(
        shop.client({ wallet: shop.wallet("answer=failed") })(shop.url("elsewhere", { scope: "path" })),
        "payment_failed",
      );
      await buy(pay);
      const error = await t.rejects(buy(pay), "over_limit");
      t.equal(
        error.message,
        "one more payment would exceed limits.payments.perMinute of 2: wait 65 s for the next one",
      );
      now += 64_999;
      await t.rejects(buy(pay), "over_limit");
      now += 1;
      await buy(pay);
      t.ok((await t.rejects(buy(pay), "over_limit")).message.includes("limits.payments.perHour of 3"));
      await shop.counts({ payments: 3, asked: 4 });
    },
  },
  {
    name: "an order that failed counts, one that was not approved does not, and each origin has its own",
    async run(t) {
      const shop = openShop(t);
      let answer = "answer=failed";
      const pay = shop.client({
        limits: { perPayment: 100, perOrigin: { payments: { perDay: 2 } } },
        wallet: (...args) => shop.wallet(answer)(...args),
      });
      const buy = seller(shop);
      await t.rejects(buy(pay), "payment_failed");
      await t.rejects(buy(pay.within({ limits: {}, approve: () => false })), "declined");
      answer = "";
      await buy(pay);
      const error = await t.rejects(buy(pay), "over_limit");
      t.ok(error.message.includes("limits.perOrigin.payments.perDay of 2: wait "));
      await buy(pay, t.other);
      await shop.counts({ payments: 2, asked: 3 });
    },
  },
  {
    name: "parallel purchases in many scopes exceed neither a count nor a sum",
    async run(t) {
      const shop = openShop(t);
      const pay = shop.client({ limits: { perPayment: 100, total: 90, payments: { perDay: 7 } } });
      const buy = seller(shop);
      const scopes = ["a", "b", "c", undefined].map((name) =>
        pay.within({ name, limits: { total: 30, payments: { perMinute: 2 } } }),
      );
      const outcomes = await Promise.allSettled(scopes.flatMap((scope) => [1, 2, 3].map(() => buy(scope))));
      const paid = outcomes.filter(({ status }) => status === "fulfilled").length;
      t.same([...new Set(outcomes.flatMap(({ reason }) => reason?.code ?? []))], ["over_limit"]);
      const sums = await Promise.all(scopes.map((scope) => total(scope)));
      t.ok(
        sums.every((sum) => sum <= 20),
        `each scope spent ${sums}`,
      );
      t.equal(
        sums.reduce((a, b) => a + b),
        10 * paid,
      );
      t.ok(paid >= 5 && paid <= 7, `${paid} were paid`);
      await shop.counts({ payments: paid, asked: paid });
    },
  },
  {
    name: "who waits for an approve keeps its order reserved, and others are refused meanwhile",
    async run(t) {
      const shop = openShop(t);
      const [asked, answer] = [deferred(), deferred()];
      const pay = shop.client({ limits: { perPayment: 100, payments: { perDay: 1 } } });
      const buy = seller(shop);
      const approve = () => {
        asked.resolve();
        return answer.promise;
      };
      const waiting = buy(pay.within({ limits: {}, approve }));
      await asked.promise;
      await t.rejects(buy(pay, t.other), "over_limit");
      answer.resolve(true);
      t.equal((await waiting).status, 200);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "what is no scope is refused at once",
    async run(t) {
      const shop = openShop(t);
      const { within } = shop.pay;
      for (const scope of [
        undefined,
        {},
        { limits: { perHuor: 5 } },
        { limits: {}, name: "a/b" },
        { limits: {}, x: 1 },
      ])
        t.throws(() => within(scope), "invalid_options");
      const task = within({ name: "\ud800", limits: { total: 10 } });
      t.equal((await task(shop.url("a"))).status, 200);
      t.same([await total(task), typeof task.quote, task.name, task.length], [10, "function", "fetch", 1]);
      await shop.counts({ payments: 1 });
    },
  },
];
