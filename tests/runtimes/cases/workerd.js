// workerd only: requests that share a module-level instance, and Workers with an old compatibility date.
import { LAPSE, openShop } from "../shop.js";

/** One request to a Worker of workerd/shared.js, which pays with the instance that its module keeps for this shop. */
const visit = (t, shop, settings = {}, init) =>
  shop.fetch(
    `${t.workers.shared}/?${new URLSearchParams({ base: t.base, control: t.other, id: shop.id, path: "a", ...settings })}`,
    init,
  );

/** Moves the clock of the Worker that keeps the instances. Gives the states of the payments that it knows. */
const move = async (t, shop, settings, clock) => (await visit(t, shop, { ...settings, clock })).json();

export default [
  {
    name: "two requests on one module-level instance: one waits for the other's payment, one payment",
    async run(t) {
      const shop = openShop(t);
      const first = visit(t, shop);
      await shop.until("asked", 1);
      const second = visit(t, shop);
      await shop.until("challenges", 2);
      await shop.release();
      const answers = await Promise.all([first, second].map(async (response) => (await response).json()));
      t.same(
        answers.map(({ status }) => status),
        [200, 200],
      );
      t.same(
        answers.map(({ paidNow }) => paidNow),
        [true, false],
      );
      t.same(await (await visit(t, shop)).json(), { status: 200, paidNow: false });
      await shop.counts({ payments: 1, asked: 1, accepted: 3, requests: 5 });
    },
  },
  {
    name: "many requests on one module-level instance: one payment",
    async run(t) {
      const shop = openShop(t);
      const visits = Array.from({ length: 12 }, () => visit(t, shop));
      await shop.until("asked", 1);
      await shop.until("challenges", 12);
      await shop.release();
      const answers = await Promise.all(visits.map(async (response) => (await response).json()));
      t.same([...new Set(answers.map(({ status }) => status))], [200]);
      t.equal(answers.filter(({ paidNow }) => paidNow).length, 1);
      await shop.counts({ payments: 1, asked: 1, accepted: 12 });
    },
  },
  {
    name: "a request that its client gave up during the payment: the next one ends, and pays nothing more",
    async run(t) {
      const shop = openShop(t);
      const controller = new AbortController();
      const given = visit(t, shop, { timeout: 500 }, { signal: controller.signal });
      await shop.until("asked", 1);
      const second = visit(t, shop, { timeout: 500 });
      await shop.until("challenges", 2);
      controller.abort();
      await t.rejects(given);
      await shop.release();
      await shop.until("payments", 1);
      // it finds the payment by the wallet's lookup, or says that its outcome is unknown; it does not hang
      const answer = await (await second).json();
      t.ok(answer.status === 200 || answer.code === "payment_unknown", JSON.stringify(answer));
      t.same(await (await visit(t, shop, { timeout: 500 })).json(), { status: 200, paidNow: false });
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "a request that ended during its payment: the next ones wait until its lease has lapsed, and pay nothing",
    alone: true,
    async run(t) {
      const shop = openShop(t);
      t.same(await (await visit(t, shop, { leave: "asked" })).json(), { left: true });
      t.same(await move(t, shop, {}, LAPSE), { payments: ["pending"] });
      try {
        const others = [visit(t, shop), visit(t, shop)];
        for (const other of others) t.equal((await (await other).json()).code, "payment_unknown");
      } finally {
        await move(t, shop, {}, 0);
      }
      await shop.release();
      await shop.until("payments", 1);
      t.same(await (await visit(t, shop)).json(), { status: 200, paidNow: false });
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "parallel requests on one module-level instance: approve reads each request's own cap from its context",
    async run(t) {
      const caps = { a: 1_000, b: 10_000, c: 9_999 };
      for (let run = 0; run < 5; run++) {
        const shop = openShop(t);
        const visits = Object.entries(caps).map(([path, cap]) =>
          visit(t, shop, { path, cap, scope: "path", answer: "good" }),
        );
        const answers = await Promise.all(visits.map(async (response) => (await response).json()));
        t.same(
          answers.map(({ status, code }) => status ?? code),
          ["declined", 200, "declined"],
          `run ${run}`,
        );
        await shop.counts({ payments: 1, asked: 1, accepted: 1 });
      }
    },
  },
  {
    name: "a request that ended during approve leaves nothing reserved once its lease has lapsed, and pays nothing later",
    alone: true,
    async run(t) {
      const shop = openShop(t);
      const settings = { total: 15 };
      t.same(await (await visit(t, shop, { ...settings, path: "unanswered", leave: "approve" })).json(), {
        left: true,
      });
      t.equal((await (await visit(t, shop, settings)).json()).code, "over_limit");
      t.same(await move(t, shop, settings, LAPSE), { payments: [] });
      try {
        const next = visit(t, shop, settings);
        await shop.until("asked", 1);
        await shop.release();
        t.same(await (await next).json(), { status: 200, paidNow: true });
      } finally {
        await move(t, shop, settings, 0);
      }
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "a Worker with an old compatibility date, whose fetch forwards Authorization: no token leaves its origin",
    async run(t) {
      const query = new URLSearchParams({ base: t.base, other: t.other });
      const results = await (await globalThis.fetch(`${t.workers.old}/?${query}`)).json();
      const failed = results.filter(({ ok }) => !ok).map(({ name, error }) => `${name}: ${error}`);
      t.equal(failed.join("\n"), "");
      t.ok(results.length > 10, "the cases ran");
    },
  },
];
