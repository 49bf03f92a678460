// What every runtime buys at aperture with lnd.
import { assertBought, eventually, openMarket } from "../market.js";

export default [
  {
    name: "bought with one payment, and the ledger has what lnd has",
    async run(t) {
      const market = await openMarket(t);
      const { pay } = market;
      const response = await pay(market.url("weather/today?in=Paris"));
      await assertBought(t, response, "/weather/today?in=Paris");
      const [booked] = await market.counts([12], 1);
      const [payment] = await pay.payments();
      t.same(
        { hash: payment.paymentHash, state: payment.state, amountMsat: payment.amountMsat, feeMsat: payment.feeMsat },
        { hash: booked.hash, state: "paid", amountMsat: 12_000, feeMsat: 0 },
      );
      t.same(t.pkg.receiptOf(response), { payment, paidNow: true });
      t.same(await pay.spent(), { hour: 12, day: 12, total: 12 });
      t.same(market.types(), ["challenge", "quote", "paying", "paid"]);
      t.equal(market.sent.length, 2, "requests");
      t.equal(market.sent[1].endsWith(`:${booked.preimage}`), true, "the credential ends in lnd's preimage");
    },
  },
  {
    name: "aperture's macaroon commits to the invoice, and its caveats are read",
    async run(t) {
      const market = await openMarket(t);
      const quote = await market.pay.quote(market.url("brief"));
      t.equal(quote.amountMsat, 7000);
      t.equal(quote.protocol, "l402");
      t.equal(quote.invoice.network, "regtest");
      const { macaroon } = quote;
      t.equal(macaroon.version, 2);
      t.equal(macaroon.location, "lsat");
      t.equal(macaroon.paymentHash, quote.invoice.paymentHash);
      t.equal(macaroon.tokenId.length, 64);
      const until = macaroon.expiresAt;
      t.same(
        macaroon.caveats.map(({ condition, value }) => [condition, value]),
        [
          ["services", "brief:0"],
          ["brief_capabilities", ""],
          ["brief_valid_until", String(until)],
        ],
      );
      t.ok(Math.abs(until - quote.invoice.timestamp - 6) <= 1, "six seconds, as aperture is told");
      await market.counts([], 0);
    },
  },
  {
    name: "the token is good for every path of its service; another service is bought, and both are kept",
    async run(t) {
      const market = await openMarket(t);
      const { pay } = market;
      await assertBought(t, await pay(market.url("weather/today")), "/weather/today");
      await assertBought(t, await pay(market.url("weather/tomorrow")), "/weather/tomorrow", false);
      await assertBought(
        t,
        await pay(market.url("weather", t.plain), { method: "POST", body: "Paris" }),
        "/weather",
        false,
      );
      await assertBought(t, await pay(market.url("books/1")), "/books/1");
      await assertBought(t, await pay(market.url("books/1")), "/books/1", false);
      await assertBought(t, await pay(market.url("weather/today")), "/weather/today", false);
      await market.counts([12, 30], 6);
    },
  },
  {
    name: "a body is sent again after the payment, and arrives",
    async run(t) {
      const market = await openMarket(t);
      const response = await market.pay(market.url("weather"), { method: "POST", body: "in=Paris" });
      t.equal((await assertBought(t, response, "/weather")).body, "in=Paris");
      t.same(await market.delivered(), [{ method: "POST", path: "/weather", body: "in=Paris" }]);
      await market.counts([12], 1);
    },
  },
  {
    name: "limits: nothing is paid above them, and a payment that just fits needs no fee on one channel",
    async run(t) {
      const market = await openMarket(t, { limits: { perPayment: 11 } });
      const error = await t.rejects(market.pay(market.url("weather")), "over_limit");
      t.equal(error.response.status, 402);
      t.same(await market.pay.payments(), []);
      await market.counts([], 0);

      const pay = market.client({ limits: { perPayment: 30, total: 41 } });
      await assertBought(t, await pay(market.url("weather")), "/weather");
      await t.rejects(pay(market.url("books")), "over_limit");
      t.equal((await pay.spent()).total, 12);
      const exact = market.client({ limits: { perPayment: 30, total: 42 } });
      await assertBought(t, await exact(market.url("weather")), "/weather");
      await assertBought(t, await exact(market.url("books")), "/books");
      await market.counts([12, 12, 30], 3);
    },
  },
  {
    name: "a token that has expired is bought again: without trying it, or once aperture refuses it",
    timeout: 60_000,
    async run(t) {
      const market = await openMarket(t);
      // one clock is right, the other a minute behind: it sends what has expired
      const clients = [market.pay, market.client({ now: () => Date.now() - 60_000 })];
      for (const pay of clients) await assertBought(t, await pay(market.url("brief")), "/brief");
      const [, first, , second] = market.sent;
      await market.counts([7, 7], 2);
      await eventually("the end of both tokens", async () =>
        (await Promise.all([first, second].map((token) => market.ask("brief", token)))).every(
          ({ status }) => status === 402,
        ),
      );

      market.sent.length = 0;
      for (const pay of clients) await assertBought(t, await pay(market.url("brief")), "/brief");
      t.same(
        market.sent.map((token) => token && (token === second ? "expired" : "new")),
        [null, "new", "expired", null, "new"],
      );
      for (const pay of clients) t.equal((await pay.payments()).length, 2);
      await market.counts([7, 7, 7, 7]);
    },
  },
  {
    name: "with MPP on, L402 is chosen among four offers and taken",
    async run(t) {
      const market = await openMarket(t);
      for (const path of ["weather", "either"])
        await assertBought(t, await market.pay(market.url(path, t.mpp)), `/${path}`);
      const { challenges } = market.events[0];
      t.same(
        challenges.map(({ scheme, params }) => [scheme, params.intent ?? null]),
        [
          ["LSAT", null],
          ["L402", null],
          ["Payment", "charge"],
          ["Payment", "session"],
        ],
      );
      t.same(
        (await market.pay.payments()).map(({ protocol }) => protocol),
        ["l402", "l402"],
      );
      await market.counts([12, 9], 2);
    },
  },
  {
    name: "a service that sells L402 and then refuses it is paid once",
    async run(t) {
      const market = await openMarket(t);
      const { pay } = market;
      const response = await pay(market.url("refusing", t.mpp));
      t.equal(response.status, 402, "what it says to who paid");
      t.equal(t.pkg.receiptOf(response).paidNow, true);
      for (let times = 0; times < 3; times++) {
        const error = await t.rejects(pay(market.url("refusing", t.mpp)), "not_honored");
        t.equal(error.response.status, 402);
      }
      t.equal((await pay.spent()).total, 5);
      await market.counts([5], 0);
      // its neighbour is none the worse
      await assertBought(t, await pay(market.url("weather", t.mpp)), "/weather");
      await market.counts([5, 12], 1);
    },
  },
];
