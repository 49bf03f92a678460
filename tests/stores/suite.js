// Whole purchases on a real store, by several who share it. `t.actor()` gives one of two that live as long as the
// suite, or with `{ own: true }` a new one: a process, a tab, a worker or a Worker. `t.kill(actor)` ends one without a
// warning.
//
// A case with `needs` runs where the runner offers that: "kill" and "clock", "leave" (a request that ends before its
// purchase), "full" (a disk that fills up), "cache".
import { LAPSE, openShop } from "../runtimes/shop.js";

let places = 0;

/** A shop, a place of its own for rows, and buyers there. */
function begin(t) {
  const shop = openShop(t);
  const place = `${t.runtime}-${Date.now().toString(36)}-${++places}-${Math.random().toString(36).slice(2)}`;
  const given = { place, hub: t.hub.url, shop: { other: t.other, id: shop.id } };
  return {
    shop,
    /** Resolves once the wallet of a buyer has come to this point. */
    until: (point) => t.hub.until(`${shop.id} ${point}`),
    /** A paying fetch of an actor. */
    async by(actor, options = {}) {
      const ask = async (job, ...args) => {
        const { result, error } = await actor.ask({ job, client: { ...given, ...options }, args });
        if (error) throw Object.assign(new Error(error.text), error);
        return result;
      };
      const buyer = {
        /** Resolves with what came of it, an error too. */
        buy: (path, settings) =>
          ask("buy", shop.url(path, settings)).catch(({ code = "lost", state }) =>
            state ? { code, state } : { code },
          ),
        buyAt: (url) => ask("buy", url).catch(({ code }) => ({ code })),
      };
      for (const job of ["payments", "spent", "forget", "resolve", "read", "write", "list"])
        buyer[job] = (...args) => ask(job, ...args);
      return buyer;
    },
  };
}

const bought = ({ status, paidNow }) => ({ status, paidNow });
const BOUGHT = { status: 200, paidNow: true };
const REUSED = { status: 200, paidNow: false };
const OWN = { scope: "path" };
/** A wallet that never settles a hash twice, the same one for all who name it. */
const SURE = { id: "sure", settlesOnce: true };

/** One whose wallet has come to a point, and is killed there. Resolves with the open payment's hash. */
async function killAt(t, { by, until }, point, options) {
  const actor = await t.actor({ own: true });
  const buyer = await by(actor, { ...options, wallet: { ...options?.wallet, until: point } });
  buyer.buy("a");
  await until(point);
  // payments() would look it up
  const [[key, row]] = await buyer.list("payment/");
  t.equal(JSON.parse(row).state, "pending");
  await t.kill(actor);
  return key.slice(-64);
}

/** Another one, whose clock has gone on so far that the leases it has seen have lapsed. */
async function afterLapse(t, { by }, options) {
  const actor = await t.actor({ own: true });
  const buyer = await by(actor, options);
  await buyer.payments();
  await actor.ask({ job: "pass", args: [LAPSE] });
  return buyer;
}

const hashes = (payments) => payments.map(({ paymentHash }) => paymentHash);

export default [
  {
    name: "two that ask for the same at once pay once",
    async run(t) {
      const { shop, by } = begin(t);
      const [one, two] = [await by(await t.actor("one")), await by(await t.actor("two"))];
      const ends = await Promise.all([one.buy("a"), two.buy("a"), one.buy("a"), two.buy("a")]);
      t.same(
        ends.map(({ status }) => status),
        [200, 200, 200, 200],
      );
      t.equal(new Set(hashes(ends)).size, 1, "payments of their receipts");
      await shop.counts({ payments: 1, asked: 1, accepted: 4 });
      t.same(await one.payments(), await two.payments());
      t.same(await one.spent(), { hour: 10, day: 10, total: 10 });
    },
  },
  {
    name: "a payment under way is waited for by another, not made again",
    async run(t) {
      const { shop, by } = begin(t);
      const one = await by(await t.actor("one"), { wallet: { query: "answer=hold" } });
      const two = await by(await t.actor("two"));
      const first = one.buy("a");
      await shop.until("asked", 1);
      const second = two.buy("a");
      await shop.until("lookups", 1);
      await shop.release();
      t.same([bought(await first), bought(await second)], [BOUGHT, REUSED]);
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
  {
    name: "they share their limits, whatever they buy at once",
    async run(t) {
      const { shop, by } = begin(t);
      const limits = { perPayment: 100, total: 30 };
      const buyers = [await by(await t.actor("one"), { limits }), await by(await t.actor("two"), { limits })];
      const buy = (index) => buyers[index % 2].buy(`${index}`, OWN);
      const ends = await Promise.all([0, 1, 2, 3, 4, 5].map(buy));
      // a fee that is reserved meanwhile may refuse one that would fit later
      for (const index of [6, 7, 8]) ends.push(await buy(index));
      t.same(ends.map(({ status, code }) => status ?? code).sort(), [200, 200, 200, ...Array(6).fill("over_limit")]);
      for (const buyer of buyers) t.equal((await buyer.spent()).total, 30);
      await shop.counts({ payments: 3, asked: 3 });
    },
  },
  {
    name: "what was bought, paid and spent is there after a restart, and is used",
    async run(t) {
      const { shop, by } = begin(t);
      const before = await t.actor({ own: true });
      const first = await by(before);
      t.same(bought(await first.buy("a", OWN)), BOUGHT);
      t.same(await first.buy("b", { ...OWN, price: 200 }), { code: "over_limit" });
      t.same(bought(await first.buy("c", OWN)), BOUGHT);
      const failing = await by(before, { wallet: { query: "answer=failed" } });
      t.same(await failing.buy("d", OWN), { code: "payment_failed", state: "failed" });
      const [payments, spent] = [await first.payments(), await first.spent()];
      t.same(
        payments.map(({ state }) => state),
        ["failed", "paid", "paid"],
      );
      await t.kill(before);
      const later = await by(await t.actor({ own: true }));
      t.same([bought(await later.buy("a", OWN)), bought(await later.buy("c", OWN))], [REUSED, REUSED]);
      t.same([await later.payments(), await later.spent()], [payments, spent]);
      t.same(bought(await later.buy("d", OWN)), BOUGHT);
      await shop.counts({ payments: 3, asked: 4 });
    },
  },
  {
    name: "what one forgets all have forgotten, and payments and sums stay",
    async run(t) {
      const { shop, by } = begin(t);
      const [one, two] = [await by(await t.actor("one")), await by(await t.actor("two"))];
      t.same(bought(await one.buy("a")), BOUGHT);
      t.same(bought(await two.buy("a")), REUSED);
      await two.forget();
      t.same(await two.list("token/"), []);
      t.equal((await two.payments()).length, 1);
      const third = await by(await t.actor("one"), { protocols: ["l402"] });
      t.same(bought(await third.buy("a")), BOUGHT);
      t.equal((await one.spent()).total, 20);
      await shop.counts({ payments: 2, accepted: 3 });
    },
  },
  {
    name: "payments(filter): pages, newest first, by origin, state and time",
    async run(t) {
      const { shop, by } = begin(t);
      const [one, two] = [await by(await t.actor("one")), await by(await t.actor("two"))];
      const failing = await by(await t.actor("one"), { wallet: { query: "answer=failed" } });
      const bought = [];
      for (const [index, buyer] of [one, two, one, failing, two, one, two].entries()) {
        const base = index % 3 === 2 ? t.other : t.base;
        const url = shop.url(`${index}`, OWN, base);
        await buyer.buyAt(url);
        bought.unshift({ url, origin: new URL(base).origin, state: buyer === failing ? "failed" : "paid" });
      }
      const urls = (payments) => payments.map(({ url }) => url);
      const all = await two.payments();
      t.same(
        all.map(({ url, origin, state }) => ({ url, origin, state })),
        bought,
      );
      const pages = [];
      for (let before; ; before = pages.at(-1).paymentHash) {
        const page = await one.payments({ limit: 3, ...(before && { before }) });
        pages.push(...page);
        if (page.length < 3) break;
      }
      t.same(pages, all);
      for (const filter of [
        { origin: t.other },
        { origin: `${t.base}/any/path` },
        { state: "failed" },
        { state: "paid", origin: t.base },
        { state: "unknown" },
      ]) {
        const origin = filter.origin && new URL(filter.origin).origin;
        const kept = bought.filter(
          (payment) => (!origin || payment.origin === origin) && (!filter.state || payment.state === filter.state),
        );
        t.same(urls(await two.payments(filter)), urls(kept), JSON.stringify(filter));
      }
      t.same(await two.payments({ since: all[0].startedAt + 1 }), []);
      t.same(await two.payments({ since: all.at(-1).startedAt }), all);
      await t.rejects(two.payments({ before: "00".repeat(32) }), "invalid_options");
      t.same(await two.spent(t.base), { hour: 40, day: 40, total: 40 });
      t.same(await two.spent(t.other), { hour: 20, day: 20, total: 20 });
      await shop.counts({ payments: 6, asked: 7 });
    },
  },
  {
    name: "a payment that hangs is settled by another's proof, and its token is used",
    async run(t) {
      const { shop, by } = begin(t);
      const hanging = await t.actor({ own: true });
      const one = await by(hanging, { wallet: { query: "answer=hang" } });
      one.buy("a");
      await shop.until("payments", 1);
      const two = await by(await t.actor("two"), { wallet: { lookup: false } });
      const [{ paymentHash, state }] = await two.payments();
      t.equal(state, "pending");
      await t.rejects(two.resolve(paymentHash, "failed"), "invalid_options");
      await t.rejects(two.resolve(paymentHash, { preimage: "11".repeat(32) }), "wrong_preimage");
      await t.rejects(two.resolve("00".repeat(32), { preimage: "11".repeat(32) }), "invalid_options");
      t.same((await two.payments())[0].state, "pending");
      await two.resolve(paymentHash, { preimage: await shop.preimage(paymentHash) });
      t.same((await two.payments())[0].state, "paid");
      t.same(bought(await two.buy("a")), REUSED);
      await shop.counts({ payments: 1, asked: 1 });
      await t.kill(hanging);
    },
  },
  ...["before it asked its wallet", "while its wallet was asked"].map((when, index) => ({
    name: `killed ${when}: its invoice, and no other, goes to a wallet that pays a hash once`,
    needs: ["kill", "clock"],
    async run(t) {
      const world = begin(t);
      const { shop } = world;
      const point = index === 0 ? "asked" : "paid";
      const query = index === 0 ? "" : "answer=failed";
      const paymentHash = await killAt(t, world, point, { wallet: { ...SURE, query } });
      const waiting = await world.by(await t.actor({ own: true }), { wallet: SURE, paymentTimeout: 1 });
      t.same(await waiting.buy("a"), { code: "payment_unknown", state: "pending" });
      const two = await afterLapse(t, world, { wallet: SURE });
      t.same(await two.buy("a"), { ...BOUGHT, paymentHash });
      t.same(hashes(await two.payments()), [paymentHash]);
      t.same(await two.spent(), { hour: 10, day: 10, total: 10 });
      await shop.counts({ payments: 1, asked: 1 + index });
    },
  })),
  {
    name: "killed before it asked its wallet, which may pay a hash twice: nobody pays before it is resolved",
    needs: ["kill", "clock"],
    async run(t) {
      const world = begin(t);
      const { shop } = world;
      const paymentHash = await killAt(t, world, "asked");
      const limits = { perPayment: 100, total: 20 };
      const alive = await world.by(await t.actor("two"), { limits });
      await t.rejects(alive.resolve(paymentHash, "failed"), "invalid_options");
      const two = await afterLapse(t, world, { limits });
      t.same(await two.buy("a"), { code: "payment_unknown", state: "pending" });
      t.same(await two.buy("other", OWN), { code: "over_limit" }, "its amount and fee are counted");
      await two.resolve(paymentHash, "failed");
      await two.resolve(paymentHash, "failed");
      t.same(bought(await two.buy("a")), BOUGHT);
      t.same(
        (await alive.payments()).map(({ state }) => state),
        ["paid", "failed"],
      );
      t.equal((await alive.spent()).total, 10);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "killed after its wallet paid, before that was written: the payment is found, and not made again",
    needs: ["kill"],
    async run(t) {
      const world = begin(t);
      const paymentHash = await killAt(t, world, "paid");
      const two = await world.by(await t.actor({ own: true }));
      t.same(await two.buy("a"), { ...REUSED, paymentHash });
      t.same(
        (await two.payments()).map(({ state }) => state),
        ["paid"],
      );
      await world.shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "killed while its wallet pays: the others look it up until it is paid, and pay nothing",
    needs: ["kill", "clock"],
    async run(t) {
      const world = begin(t);
      const { shop, by } = world;
      const actor = await t.actor({ own: true });
      const one = await by(actor, { wallet: { query: "answer=hold" } });
      one.buy("a");
      await shop.until("asked", 1);
      await t.kill(actor);
      const two = await afterLapse(t, world);
      t.same(await two.buy("a"), { code: "payment_unknown", state: "pending" });
      await shop.release();
      await shop.until("payments", 1);
      t.same(bought(await two.buy("a")), REUSED);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "killed while a person decides: what was reserved is free again once its lease has lapsed",
    needs: ["kill", "clock"],
    async run(t) {
      const { shop, by, until } = begin(t);
      const limits = { perPayment: 100, total: 20 };
      const first = await t.actor({ own: true });
      const one = await by(first, { limits, decides: false });
      one.buy("a", OWN);
      await until("approve");
      await t.kill(first);
      const second = await t.actor({ own: true });
      const two = await by(second, { limits });
      t.same(await two.buy("b", OWN), { code: "over_limit" });
      await second.ask({ job: "pass", args: [LAPSE] });
      t.same(bought(await two.buy("a", OWN)), BOUGHT);
      t.same(bought(await two.buy("b", OWN)), BOUGHT);
      await shop.counts({ payments: 2, asked: 2 });
    },
  },
  {
    name: "a request that ended while its wallet paid costs a wait, not a second payment",
    needs: ["leave", "clock"],
    async run(t) {
      const world = begin(t);
      const { shop } = world;
      const one = await t.actor("one");
      const leaving = await world.by(
        { ask: (job) => one.ask({ ...job, leave: `${t.other}/stats/${shop.id}/wait?asked=1` }) },
        {
          wallet: { query: "answer=hold" },
        },
      );
      t.equal(await leaving.buy("a"), "left");
      const two = await afterLapse(t, world);
      t.same(await two.buy("a"), { code: "payment_unknown", state: "pending" });
      await shop.release();
      await shop.until("payments", 1);
      t.same(bought(await two.buy("a")), REUSED);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "a row that is damaged, or of a later version, is never overwritten, and nothing is paid by it",
    async run(t) {
      for (const prefix of ["sums", "origin/", "payment/", "open/", "token/"]) {
        for (const damage of ["<!doctype html>", "{}", '{"v":99,"rev":1}']) {
          const { shop, by } = begin(t);
          const hanging = await by(await t.actor("one"), { wallet: { query: "answer=none&paid=0", lookup: false } });
          t.same(await hanging.buy("open", OWN), { code: "no_preimage", state: "unknown" });
          t.same(bought(await (await by(await t.actor("one"))).buy("bought", OWN)), BOUGHT);
          const two = await by(await t.actor("two"), { wallet: { lookup: false } });
          const rows = (await two.list(prefix)).map(([key]) => [key, damage]);
          t.ok(rows.length > 0, prefix);
          t.equal(await two.write(Object.fromEntries(rows), {}), true);
          const what = `${prefix} ${damage}`;
          const path = prefix === "token/" ? "bought" : "open";
          t.same(await two.buy(path, OWN), { code: "store_failed" }, what);
          if (prefix === "sums") await t.rejects(two.spent(), "store_failed");
          if (prefix === "payment/") await t.rejects(two.payments(), "store_failed");
          t.same(await two.list(prefix), rows, what);
          await shop.counts({ payments: 1, asked: 2 });
        }
      }
    },
  },
  {
    name: "a disk that fills up: what was paid is there, and is not paid again once there is room",
    needs: ["full"],
    async run(t) {
      const { shop, by } = begin(t);
      const filling = await t.actor({ own: true, full: true });
      const one = await by(filling);
      const ends = [];
      // the runtime may be ended for it
      while (ends.length < 200 && !ends.at(-1)?.code) ends.push(await one.buy(`${ends.length}`, OWN));
      t.ok(["store_failed", "lost"].includes(ends.at(-1).code) && ends.length > 2, JSON.stringify(ends.at(-1)));
      await t.kill(filling);
      const { paid } = await shop.stats();
      const two = await by(await t.actor({ own: true }));
      const known = new Map((await two.payments({ limit: 1000 })).map((payment) => [payment.paymentHash, payment]));
      for (const hash of Object.keys(paid)) t.equal(known.get(hash)?.state, "paid");
      for (const index of ends.slice(0, -1).keys()) t.same(bought(await two.buy(`${index}`, OWN)), REUSED);
      await shop.counts({ payments: Object.keys(paid).length });
      t.equal((await two.spent()).total, 10 * Object.keys(paid).length);
    },
  },
  {
    name: "a cache of tokens that is behind, holds nonsense or fails costs no payment",
    needs: ["cache"],
    async run(t) {
      const { shop, by } = begin(t);
      const cached = async (number) => by(await t.actor("two"), { cached: true, paymentTimeout: 1000 + number });
      t.same(bought(await (await cached(0)).buy("a")), BOUGHT);
      const [[key]] = Object.entries(await t.kv()).filter(([key]) => key.includes("/token/"));
      for (const [number, value] of ['{"v":1,"rev":1,"tokens":[]}', "<!doctype html>"].entries()) {
        await t.tellKv("set", JSON.stringify([key, value]));
        t.same(bought(await (await cached(1 + number)).buy("a")), REUSED, value);
      }
      await t.tellKv("break", "true");
      t.same(bought(await (await cached(3)).buy("a")), REUSED);
      t.same(bought(await (await cached(4)).buy("b")), REUSED);
      await t.tellKv("break", "false");
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
];
