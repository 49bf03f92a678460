// Redirects: a token never follows to another origin. A redirected request is paid for only if it can be repeated.
import { assertRefused, isBrowser, openShop } from "../shop.js";

export default [
  ...["GET", "HEAD"].map((method) => ({
    name: `a ${method} that was redirected within its origin is paid for and repeated from the start`,
    async run(t) {
      for (const status of [301, 302, 303, 307, 308]) {
        const shop = openShop(t);
        const url = shop.url("old", { redirect: shop.path("new"), status });
        const response = await shop.pay(url, { method });
        t.equal(response.status, 200, `after ${status}`);
        t.ok(response.redirected, "response.redirected");
        t.equal(response.url, shop.url("new"));
        t.equal(t.pkg.receiptOf(response).payment.url, url);
        const { log } = await shop.counts({ payments: 1, accepted: 1, requests: 4 });
        t.same(
          log.map((entry) => entry.path),
          ["old", "new", "old", "new"].map(shop.path),
        );
        t.same(
          log.map((entry) => entry.method),
          Array(4).fill(method),
        );
        t.equal(t.pkg.receiptOf(await shop.pay(url, { method })).paidNow, false);
        await shop.counts({ payments: 1, accepted: 2 });
      }
    },
  })),
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `a POST that was redirected with ${status} is not paid for: body_not_replayable`,
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("old", { redirect: shop.path("new"), status });
      const error = await t.rejects(shop.pay(url, { method: "POST", body: "x" }), "body_not_replayable");
      await assertRefused(t, shop, error, "body_not_replayable");
      await shop.counts({ payments: 0, asked: 0, requests: 2 });
    },
  })),
  {
    name: "a POST whose token is known is redirected as fetch redirects it",
    async run(t) {
      for (const [status, method, length] of [
        [307, "POST", 1],
        [308, "POST", 1],
        [303, "GET", 0],
      ]) {
        const shop = openShop(t);
        await shop.pay(shop.url("new"));
        const response = await shop.pay(shop.url("old", { redirect: shop.path("new"), status }), {
          method: "POST",
          body: "x",
        });
        t.equal(response.status, 200, `after ${status}`);
        const { log } = await shop.counts({ payments: 1, accepted: 2, requests: 4 });
        t.same([log[3].method, log[3].bodyLength], [method, length]);
        t.equal(log[3].authorization, log[1].authorization);
      }
    },
  },
  {
    name: "a 402 from another origin than asked: cross_origin, nothing is paid",
    async run(t) {
      for (const method of ["GET", "POST"]) {
        const shop = openShop(t);
        const url = shop.url("old", { redirect: shop.url("new", {}, t.other), status: 307 });
        const error = await t.rejects(shop.pay(url, { method }), "cross_origin");
        await assertRefused(t, shop, error, "cross_origin");
        const { log } = await shop.counts({ payments: 0, asked: 0, requests: 2 });
        t.equal(log[1].authorization, null);
      }
    },
  },
  {
    name: "a 402 behind a redirect that names a user: fetch refuses it, or it is cross_origin",
    async run(t) {
      const shop = openShop(t);
      const there = shop.url("new", {}, t.other).replace("://", "://user:secret@");
      const error = await t.rejects(shop.pay(shop.url("old", { redirect: there, status: 302 })));
      t.ok(error.code === "cross_origin" || error.name === "TypeError", `${error.name} ${error.code}`);
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `a token does not follow a ${status} to another origin`,
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      const target = shop.free("away", {}, t.other);
      const response = await shop.pay(shop.url("old", { redirect: target, status }));
      t.equal(response.status, 200);
      t.equal(response.url, target);
      const posted = await shop.pay(shop.url("old", { redirect: target, status }), { method: "POST", body: "secret" });
      t.equal(posted.status, 200);
      const { log } = await shop.counts({ payments: 1, requests: 6 });
      t.same(
        log.slice(2).map((entry) => entry.path),
        [shop.path("old"), `/free/${shop.id}/away`, shop.path("old"), `/free/${shop.id}/away`],
      );
      t.ok(log[2].authorization !== null && log[4].authorization !== null, "the token was sent to its own origin");
      t.equal(log[3].authorization, null);
      t.equal(log[5].authorization, null);
    },
  })),
  {
    name: "a token does not follow to another origin and back",
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      const back = shop.free("back");
      const away = shop.free("away", { redirect: back }, t.other);
      t.equal((await shop.pay(shop.url("old", { redirect: away }))).status, 200);
      const { log } = await shop.counts({ payments: 1, requests: 5 });
      t.same(
        log.slice(2).map((entry) => entry.authorization !== null),
        [true, false, false],
      );
    },
  },
  {
    name: "a token just bought does not follow to another origin either",
    async run(t) {
      const shop = openShop(t);
      let sends = 0;
      const pay = shop.client({
        fetch: (input, init) => {
          const url = sends++ !== 1 ? input : shop.url("old", { redirect: shop.free("away", {}, t.other) });
          return shop.fetch(url, init);
        },
      });
      t.equal((await pay(shop.url("a"))).status, 200);
      const { log } = await shop.counts({ payments: 1, requests: 3 });
      t.same(
        log.map((entry) => entry.authorization !== null),
        [false, true, false],
      );
    },
  },
  {
    name: "redirect: manual is kept: a 402 is paid for, a redirect is handed back",
    async run(t) {
      const shop = openShop(t);
      t.equal((await shop.pay(shop.url("a"), { redirect: "manual" })).status, 200);
      const response = await shop.pay(shop.url("old", { redirect: shop.path("new") }), { redirect: "manual" });
      t.equal(response.status, isBrowser(t) ? 0 : 302);
      await shop.counts({ payments: 1, requests: 3 });
    },
  },
  {
    name: "redirect: error is kept: fetch's own error, nothing paid",
    async run(t) {
      const shop = openShop(t);
      const error = await t.rejects(shop.pay(shop.url("old", { redirect: shop.path("new") }), { redirect: "error" }));
      t.ok(error instanceof TypeError && !(error instanceof t.pkg.L402Error), "fetch's own error");
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
];
