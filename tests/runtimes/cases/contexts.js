// Each callback runs in the async context (AsyncLocalStorage) of the call that caused it. `t.AsyncLocalStorage` is the
// runtime's.
import { deferred, openShop } from "../shop.js";

/** A client whose callbacks note their context in `seen`, by their names. `run` makes a call in a context. */
function witness(t, shop, { wallet, ...options }) {
  const storage = new t.AsyncLocalStorage();
  const seen = {};
  const noting =
    (name, task) =>
    (...args) => {
      seen[name] ??= [];
      seen[name].push(storage.getStore());
      return task(...args);
    };
  const client = shop.client({
    wallet: Object.fromEntries(Object.entries(wallet).map(([name, method]) => [name, noting(name, method)])),
    approve: noting("approve", () => true),
    fetch: noting("fetch", shop.fetch),
    onEvent: noting("onEvent", shop.onEvent),
    ...options,
  });
  return { seen, client, run: (context, ...args) => storage.run(context, () => client(...args)) };
}

/** Waits for this many turns, by promises and by timers in turn. */
async function turns(number) {
  for (let turn = 0; turn < number; turn++)
    await (turn % 2 ? undefined : new Promise((resolve) => setTimeout(resolve)));
}

export default [
  {
    name: "approve reads each of three parallel calls' own cap from its context, in 40 runs of 40",
    timeout: 60_000,
    async run(t) {
      const wrong = [];
      for (let run = 0; run < 40; run++) {
        const shop = openShop(t);
        const storage = new t.AsyncLocalStorage();
        const check = (what, url) => {
          const name = storage.getStore()?.name;
          if (!new URL(url).pathname.endsWith(`/${name}`))
            wrong.push(`run ${run}: ${what} of ${url} in the context of ${name}`);
        };
        const pay = shop.client({
          async approve({ url, amountMsat }) {
            check("approve", url);
            await turns((run + url.length) % 4);
            check("approve, going on,", url);
            return amountMsat <= storage.getStore().capMsat;
          },
          async wallet(invoice, context) {
            check("wallet", context.url);
            await turns(run % 3);
            return shop.wallet()(invoice, context);
          },
          fetch(input, init) {
            check("fetch", input);
            return shop.fetch(input, init);
          },
          store: run % 2 ? t.pkg.memoryStore() : undefined,
          onEvent: (event) => check(event.type, event.url ?? event.quote?.url ?? event.payment.url),
        });
        const call = (name, capMsat) =>
          storage.run({ name, capMsat }, async () => {
            await turns((run * name.length) % 3);
            return pay(shop.url(name, { scope: "path" })).then(
              ({ status }) => status,
              ({ code }) => code,
            );
          });
        const ends = await Promise.all([call("a", 1_000), call("bb", 10_000), call("ccc", 9_999)]);
        t.same(ends, ["declined", 200, "declined"], `run ${run}`);
        t.same(await pay.spent(), { hour: 10, day: 10, total: 10 });
        await shop.counts({ payments: 1, asked: 1 });
      }
      t.same(wrong, []);
    },
  },
  {
    name: "a shared purchase runs in its payer's context, and each repeat in its own",
    async run(t) {
      const shop = openShop(t);
      const { seen, client, run } = witness(t, shop, { wallet: { pay: shop.wallet("answer=hold") } });
      const names = Array.from({ length: 8 }, (_, index) => `call ${index}`);
      const calls = names.map((name) => run(name, shop.url("a")));
      await shop.until("challenges", names.length);
      await shop.until("asked", 1);
      await shop.release();
      const responses = await Promise.all(calls);
      const payers = names.filter((_, index) => t.pkg.receiptOf(responses[index]).paidNow);
      t.equal(payers.length, 1);
      t.same([seen.approve, seen.pay], [payers, payers]);
      // challenge, quote, paying, paid. Each other call tells that it used a token.
      const others = names.filter((name) => !payers.includes(name));
      t.same([...seen.onEvent].sort(), [...payers, ...payers, ...payers, ...payers, ...others].sort(), "events");
      t.same([...seen.fetch].sort(), [...names, ...names].sort(), "requests");
      t.same(await client.spent(), { hour: 10, day: 10, total: 10 });
      await shop.counts({ payments: 1, asked: 1, accepted: names.length });
    },
  },
  {
    name: "a timer's work and a wallet's late answer run in the context of their own call",
    async run(t) {
      const shop = openShop(t);
      const gate = deferred();
      const { seen, client, run } = witness(t, shop, {
        paymentTimeout: 20,
        wallet: {
          pay: async (...order) => {
            await gate.promise;
            return shop.wallet()(...order);
          },
          lookup: async () => ({ state: "pending" }),
        },
      });
      const buying = t.rejects(run("buyer", shop.url("a")), "payment_unknown");
      t.equal((await run("other", shop.free("b"))).status, 200);
      await buying;
      t.same([seen.approve, seen.pay, seen.lookup], [["buyer"], ["buyer"], ["buyer"]]);
      t.same(shop.types(), ["challenge", "quote", "paying", "failed"]);
      gate.resolve();
      await shop.event("paid");
      t.same(seen.onEvent, new Array(5).fill("buyer"));
      t.same([...seen.fetch].sort(), ["buyer", "other"]);
      t.equal((await run("other", shop.url("a"))).status, 200);
      t.same([...seen.fetch].sort(), ["buyer", "other", "other"]);
      t.same([seen.onEvent.at(-1), seen.pay.length], ["other", 1]);
      t.equal((await client.spent()).total, 10);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
];
