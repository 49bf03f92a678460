// Tokens are used again, and only at resources that they may be sent to.
import { isBrowser, openShop } from "../shop.js";

const HOUR = 3_600_000;

export default [
  {
    name: "the second call uses the first one's token: one payment",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a");
      const { payment } = t.pkg.receiptOf(await shop.pay(url));
      shop.events.length = 0;
      const response = await shop.pay(url);
      t.equal(response.status, 200);
      t.same(t.pkg.receiptOf(response), { payment, paidNow: false });
      t.same(shop.events, [{ type: "reused", payment, url }]);
      const { log } = await shop.counts({ payments: 1, requests: 3, accepted: 2 });
      t.equal(log[2].authorization, log[1].authorization);
    },
  },
  {
    name: "a token is tried on another path and method of its origin first",
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      const response = await shop.pay(shop.url("deeper/b"), { method: "POST", body: "x" });
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      t.same(shop.events.at(-1).url, shop.url("deeper/b"));
      await shop.counts({ payments: 1, requests: 3, accepted: 2 });
    },
  },
  {
    name: "a token that another path refuses: that path is bought, and both are used from then on",
    async run(t) {
      const shop = openShop(t);
      const [a, b] = [shop.url("a", { scope: "path" }), shop.url("b", { scope: "path" })];
      t.equal((await shop.pay(a)).status, 200);
      t.equal((await shop.pay(b)).status, 200);
      await shop.counts({ payments: 2, requests: 5, accepted: 2, refused: 1 });
      for (const url of [a, b, a]) t.equal(t.pkg.receiptOf(await shop.pay(url)).paidNow, false);
      await shop.counts({ payments: 2, requests: 8, accepted: 5, refused: 1 });
    },
  },
  {
    name: "a token stays at its origin: another one sees none, and is paid for itself",
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      await shop.pay(shop.free("b", {}, t.other));
      await shop.pay(shop.url("a", {}, t.other));
      const { log } = await shop.counts({ payments: 2, requests: 5, accepted: 2, refused: 0 });
      t.same(
        log.map((entry) => entry.authorization !== null),
        [false, true, false, false, true],
      );
      t.ok(log[1].authorization !== log[4].authorization, "another token");
    },
  },
  {
    name: "a caveat that names a path is obeyed",
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a", { caveat_path: 1 }));
      await shop.pay(shop.url("b", { caveat_path: 1 }));
      const { log } = await shop.counts({ payments: 2, requests: 4, refused: 0 });
      t.equal(log[2].authorization, null);
      t.equal(t.pkg.receiptOf(await shop.pay(shop.url("a", { n: 2 }))).paidNow, false);
      await shop.counts({ payments: 2, requests: 5, refused: 0 });
    },
  },
  {
    name: "a caveat that names a method is obeyed",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { caveat_method: 1 });
      await shop.pay(url);
      await shop.pay(url, { method: "POST", body: "x" });
      const { log } = await shop.counts({ payments: 2, requests: 4, refused: 0 });
      t.equal(log[2].authorization, null);
    },
  },
  {
    name: "a token whose caveat has run out by the caller's clock is not sent: paid anew",
    async run(t) {
      const shop = openShop(t);
      let now = Date.now();
      const pay = shop.client({ now: () => now });
      const url = shop.url("a", { valid_until: 1800, expiry: 100_000 });
      await pay(url);
      t.equal(t.pkg.receiptOf(await pay(url)).paidNow, false);
      now += HOUR;
      // the shop's own clock has not moved: what it sells has run out already, and nothing is sent with the request
      await t.rejects(pay(url), "invalid_macaroon");
      // a longer token is bought under the same address but for its name
      const longer = shop.url("a", { valid_until: 7200, expiry: 100_000 });
      t.equal(t.pkg.receiptOf(await pay(longer)).paidNow, true);
      const { log } = await shop.counts({ payments: 2, requests: 6, refused: 0 });
      t.same([log[3].authorization, log[4].authorization], [null, null]);
    },
  },
  {
    name: "a token that is good once: its 401 is asked again without it, and paid",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scope: "single" });
      t.equal((await shop.pay(url)).status, 200);
      const response = await shop.pay(url);
      t.equal(response.status, 200);
      t.equal(t.pkg.receiptOf(response).paidNow, true);
      const { log } = await shop.counts({ payments: 2, requests: 5, accepted: 2, refused: 1 });
      t.same(
        log.map((entry) => entry.authorization !== null),
        [false, true, true, false, true],
      );
    },
  },
  ...[400, 403].map((refuse) => ({
    name: `a reused token answered ${refuse}: handed back, and not tried there again`,
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { uses: 1, refuse });
      await shop.pay(url);
      const response = await shop.pay(url);
      t.equal(response.status, refuse);
      t.equal(t.pkg.receiptOf(response).paidNow, false);
      await shop.counts({ payments: 1, requests: 3, accepted: 1, refused: 1 });
      t.equal(t.pkg.receiptOf(await shop.pay(url)).paidNow, true);
      const { log } = await shop.counts({ payments: 2, requests: 5, accepted: 2, refused: 1 });
      t.equal(log[3].authorization, null);
    },
  })),
  {
    name: "tokens that the server has revoked are bought anew, once",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a");
      await shop.pay(url);
      await shop.revoke();
      t.equal(t.pkg.receiptOf(await shop.pay(url)).paidNow, true);
      t.equal(t.pkg.receiptOf(await shop.pay(url)).paidNow, false);
      await shop.counts({ payments: 2, requests: 6, refused: 1 });
    },
  },
  ...[401, 402].map((refuse) => ({
    name: `a server that learns of the payment late, and says ${refuse} until then: paid once, and answered`,
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { late: 3, refuse });
      const responses = await Promise.all([shop.pay(url), shop.pay(url), shop.pay(url)]);
      t.same(
        responses.map((response) => response.status),
        [200, 200, 200],
      );
      t.equal(responses.filter((response) => t.pkg.receiptOf(response).paidNow).length, 1);
      await shop.counts({ payments: 1, asked: 1, refused: 3, accepted: 3, requests: 9 });
      t.equal((await shop.pay.spent()).total, 10);
    },
  })),
  {
    name: "Retry-After of a refusal is waited for, as seconds and as a date",
    async run(t) {
      const shop = openShop(t);
      t.equal((await shop.pay(shop.url("a", { late: 3, retry_after: 0, cors: "full" }))).status, 200);
      const dated = async (...args) => {
        const response = await shop.fetch(...args);
        if (response.status !== 401) return response;
        return new Response("", {
          status: 401,
          headers: { "retry-after": new Date(Date.now() - 5_000).toUTCString() },
        });
      };
      const start = Date.now();
      t.equal((await shop.client({ fetch: dated })(shop.url("a", { late: 3, refuse: 401 }))).status, 200);
      t.ok(Date.now() - start < 3_000, "a date that has passed is no time to wait");
      await shop.counts({ payments: 2, asked: 2, refused: 6, accepted: 2 });
    },
  },
  {
    name: "not_honored forbids buying, not trying: later calls send the token first, and once it is accepted all is well",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { late: 5, refuse: 402 });
      t.equal((await shop.pay(url)).status, 402);
      const error = await t.rejects(shop.pay(url), "not_honored");
      t.equal(error.payment.state, "paid");
      t.same(await shop.pay.payments(), [error.payment]);
      for (let times = 0; times < 2; times++) t.equal((await shop.pay(url)).status, 200);
      await shop.counts({ payments: 1, asked: 1, refused: 5, accepted: 2, requests: 8 });
      t.equal((await shop.pay.spent()).total, 10);
    },
  },
  {
    name: "an abort while a late server is waited for is the caller's own: the token is kept",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { late: 2, refuse: 401 });
      const controller = new AbortController();
      const calling = shop.pay(url, { signal: controller.signal });
      await shop.until("refused", 1);
      controller.abort(new Error("mine"));
      t.equal((await t.rejects(calling)).message, "mine");
      let response;
      for (let times = 0; times < 9 && response?.status !== 200; times++)
        response = await shop.pay(url).catch(() => undefined);
      t.equal(response?.status, 200);
      await shop.counts({ payments: 1, asked: 1 });
      t.equal((await shop.pay.spent()).total, 10);
    },
  },
  ...[400, 401, 402, 403, 404, 500, 503].map((closed) => ({
    name: `free paths that answer ${closed} to any Authorization stay free after a purchase`,
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      for (let times = 0; times < 2; times++) {
        const response = await shop.pay(shop.free("b", { closed }));
        t.equal(response.status, 200);
        t.equal(t.pkg.receiptOf(response), undefined);
      }
      t.equal((await shop.pay(shop.url("a"))).status, 200);
      const { log } = await shop.counts({ payments: 1, asked: 1, refused: 1, accepted: 2 });
      t.same(
        log.filter(({ path }) => path.includes("/free/")).map(({ authorization }) => authorization !== null),
        [true, false, false],
      );
      t.equal((await shop.pay.spent()).total, 10);
    },
  })),
  {
    name: "a POST that a guess broke is sent again only if the server refused to act",
    async run(t) {
      for (const [closed, first] of [
        [401, 200],
        [402, 200],
        [403, 403],
        [500, 500],
      ]) {
        const shop = openShop(t);
        await shop.pay(shop.url("a"));
        const init = { method: "POST", body: "x" };
        t.equal((await shop.pay(shop.free("b", { closed }), init)).status, first);
        t.equal((await shop.pay(shop.free("b", { closed }), init)).status, 200);
        await shop.counts({ payments: 1, asked: 1, refused: 1 });
      }
    },
  },
  {
    name: "free paths whose preflight refuses Authorization stay free after a purchase",
    async run(t) {
      const shop = openShop(t);
      await shop.pay(shop.url("a"));
      const free = shop.free("b", { cors: "plain" });
      for (let times = 0; times < 3; times++) t.equal((await shop.pay(free)).status, 200);
      t.equal((await shop.pay(new Request(free))).status, 200);
      t.equal((await shop.pay(shop.url("a"))).status, 200);
      const { log } = await shop.counts({ payments: 1, asked: 1, accepted: 2 });
      // elsewhere there is no preflight, and the token goes along
      if (isBrowser(t))
        t.same(
          log.filter(({ path }) => path.includes("/free/")).map(({ authorization }) => authorization),
          [null, null, null, null],
        );
      t.equal((await shop.pay.spent()).total, 10);
    },
  },
  ...[400, 403].map((refuse) => ({
    name: `tokens that are good once, and refused by ${refuse}: ten calls at once get ten answers, and later ones don't fail`,
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { uses: 1, refuse });
      const responses = await Promise.all(Array.from({ length: 10 }, () => shop.pay(url)));
      t.same(
        responses.map((response) => response.status),
        Array(10).fill(200),
      );
      await shop.counts({ payments: 10, asked: 10, accepted: 10 });
      for (const path of ["a", "b", "c"]) t.equal((await shop.pay(shop.url(path, { uses: 1, refuse }))).status, 200);
      await shop.counts({ payments: 13, asked: 13, accepted: 13 });
      t.equal((await shop.pay.spent()).total, 130);
    },
  })),
  {
    name: "tokens that are known to be good once are not sent again: two requests and one invoice each",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scope: "single" });
      const requests = [2, 5, 8, 10, 12];
      for (const [at, number] of requests.entries()) {
        t.equal((await shop.pay(url)).status, 200);
        await shop.counts({ payments: at + 1, asked: at + 1, invoices: at + 1, requests: number });
      }
    },
  },
  {
    name: "a server that takes money and gives nothing is paid once: not_honored until forget()",
    async run(t) {
      const shop = openShop(t);
      const url = shop.url("a", { scope: "never" });
      t.equal((await shop.pay(url)).status, 402);
      for (let again = 0; again < 3; again++) {
        const error = await t.rejects(shop.pay(url), "not_honored");
        t.equal(error.payment.state, "paid");
        t.equal(error.response.status, 402);
        t.equal(error.response.bodyUsed, false);
      }
      await shop.counts({ payments: 1, asked: 1, accepted: 0 });
      await shop.pay.forget(t.other);
      await t.rejects(shop.pay(url), "not_honored");
      await shop.pay.forget(t.base);
      t.equal((await shop.pay(url)).status, 402);
      await shop.counts({ payments: 2, asked: 2, accepted: 0 });
    },
  },
  {
    name: "forget() drops the tokens of one origin or all; the journal stays",
    async run(t) {
      const shop = openShop(t);
      const [here, there] = [shop.url("a"), shop.url("a", {}, t.other)];
      await shop.pay(here);
      await shop.pay(there);
      await shop.pay.forget(`${t.other}/any/path`);
      t.equal(t.pkg.receiptOf(await shop.pay(here)).paidNow, false);
      t.equal(t.pkg.receiptOf(await shop.pay(there)).paidNow, true);
      await shop.counts({ payments: 3 });
      await shop.pay.forget();
      t.equal(t.pkg.receiptOf(await shop.pay(here)).paidNow, true);
      t.equal((await shop.pay.payments()).length, 4);
      t.equal((await shop.pay.spent()).total, 40);
      await t.rejects(shop.pay.forget("no url"), "invalid_options");
      await t.rejects(shop.pay.spent("no url"), "invalid_options");
      await shop.counts({ payments: 4 });
    },
  },
  {
    name: "a body that can be sent once carries the token of its own resource, and no other",
    async run(t) {
      const shop = openShop(t);
      const once = () => ({
        method: "POST",
        body: new Request(t.base, { method: "POST", body: "x" }).body ?? "x",
        duplex: "half",
      });
      // where plain fetch takes no streams there is nothing to see
      const plain = await shop.fetch(shop.free("a"), once()).catch(() => undefined);
      const takesStreams = plain && typeof once().body !== "string" && (await shop.log())[0].bodyLength === 1;
      await shop.pay(shop.url("a"), { method: "POST", body: "x" });
      if (takesStreams) {
        t.equal((await shop.pay(shop.url("a"), once())).status, 200);
        t.equal((await t.rejects(shop.pay(shop.url("b"), once()), "body_not_replayable")).response.status, 402);
        const log = await shop.log();
        t.same(
          log.slice(-2).map((entry) => entry.authorization !== null),
          [true, false],
        );
      }
      await shop.counts({ payments: 1 });
    },
  },
];
