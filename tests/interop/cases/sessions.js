// Sessions of MPP at aperture, with real deposits and real refunds: `topUp` and `close` are answered by the server
// behind, every refusal says the same, and a refund is paid after the answer, which says nothing of it.
import { assertBought, openMarket } from "../market.js";

/** 2 sat a request, 40 sat a deposit. aperture takes nothing for the request that opens a session or adds to one. */
const PATH = "/metered/page";
const options = { protocols: ["mpp"], sessions: { maxDeposit: 100 } };

/** A market whose seller can pay refunds. */
async function openMeter(t, more) {
  await fetch(`${t.desk}/stock`);
  return openMarket(t, more);
}

export default [
  {
    name: "a session is opened, drawn on, added to and closed, and lnd has its refund",
    async run(t) {
      const market = await openMeter(t, options);
      const url = market.url(PATH.slice(1), t.mpp);
      await assertBought(t, await market.pay(url), PATH);
      for (let request = 0; request < 20; request++) await assertBought(t, await market.pay(url), PATH, false);
      await market.counts([40], 21);
      // The deposit is used up.
      await assertBought(t, await market.pay(url), PATH);
      await market.counts([40, 40], 22);
      await assertBought(t, await market.pay(url), PATH, false);
      const [session] = await market.pay.sessions();
      t.same([session.origin, session.depositMsat, session.unitMsat], [t.mpp, 80_000, 2_000]);
      t.same(await market.pay.spent(), { hour: 80, day: 80, total: 80 });
      const [closed] = await market.pay.closeSessions();
      t.same([closed.refundSats, closed.refundStatus, closed.receivedMsat], [0, "failed", 38_000]);
      t.same(await market.pay.spent(), { hour: 42, day: 42, total: 42 });
      t.same(await market.pay.sessions(), []);
    },
  },
  {
    name: "a session that aperture has closed is followed by another, by one payment in the call",
    async run(t) {
      const market = await openMeter(t, options);
      const url = market.url(PATH.slice(1), t.mpp);
      await assertBought(t, await market.pay(url), PATH);
      // Closed by somebody else who has the store: this client still takes it for open.
      const store = t.pkg.memoryStore();
      const first = market.client({ ...options, store });
      const second = market.client({ ...options, store });
      await assertBought(t, await first(url), PATH);
      t.equal((await second.closeSessions()).length, 1);
      await assertBought(t, await first(url), PATH);
      await market.counts([40, 40, 40]);
      for (const client of [market.pay, first]) {
        const [{ receivedMsat }] = await client.closeSessions();
        t.equal(receivedMsat, 40_000);
      }
    },
  },
  {
    name: "a deposit whose answer is lost opens its session at the next call, and nothing is paid twice",
    async run(t) {
      const market = await openMeter(t);
      let loses = true;
      const pay = market.client({
        ...options,
        async fetch(input, init) {
          const response = await market.fetch(input, init);
          const isProven = new Headers(init?.headers ?? input.headers).has("authorization");
          if (!isProven || !loses) return response;
          loses = false;
          throw new TypeError("connection lost");
        },
      });
      const url = market.url(PATH.slice(1), t.mpp);
      await t.rejects(pay(url), "request_failed");
      await assertBought(t, await pay(url), PATH, false);
      await market.counts([40], 2);
      const [{ receivedMsat }] = await pay.closeSessions();
      t.equal(receivedMsat, 38_000);
    },
  },
];
