// The events for a listener, and the secrets that they never hold.
import { openShop } from "../shop.js";

export default [
  {
    name: "events of a failing wallet, of a refusal, of a reuse: each once, in order",
    async run(t) {
      const shop = openShop(t);
      await t.rejects(shop.client({ wallet: shop.wallet("answer=failed") })(shop.url("a")), "payment_failed");
      await t.rejects(shop.pay(shop.url("b", { price: 500 })), "over_limit");
      await t.rejects(shop.pay(shop.url("b", { mismatch: 1 })), "hash_mismatch");
      await shop.pay(shop.url("c"));
      await shop.pay(shop.url("c"));
      await shop.pay(shop.url("c", {}), { headers: { authorization: "Bearer x" } });
      t.same(shop.types(), [
        "challenge",
        "quote",
        "paying",
        "failed",
        "challenge",
        "quote",
        "refused",
        "challenge",
        "refused",
        "challenge",
        "quote",
        "paying",
        "paid",
        "reused",
        "unpayable",
      ]);
      await shop.counts({ payments: 1, asked: 2 });
    },
  },
  {
    name: "each event has exactly the declared properties",
    async run(t) {
      const shop = openShop(t);
      await t.rejects(shop.client({ wallet: shop.wallet("answer=failed") })(shop.url("a")), "payment_failed");
      await t.rejects(shop.pay(shop.url("b", { price: 500 })), "over_limit");
      await shop.pay(shop.url("c"));
      await shop.pay(shop.url("c"));
      await shop.pay(shop.url("c", {}), { headers: { authorization: "Bearer x" } });
      const keys = {
        challenge: ["challenges", "type", "url"],
        quote: ["quote", "type"],
        paying: ["payment", "type"],
        paid: ["payment", "type"],
        reused: ["payment", "type", "url"],
        refused: ["code", "message", "type", "url"],
        failed: ["code", "message", "payment", "type"],
        unpayable: ["reason", "type", "url"],
      };
      for (const event of shop.events) {
        t.same(Object.keys(event).sort(), keys[event.type], event.type);
        if (event.payment) {
          t.same(Object.keys(event.payment).sort(), [
            "amountMsat",
            "amountSat",
            "description",
            "feeMsat",
            "invoice",
            "origin",
            "paymentHash",
            "protocol",
            "scopes",
            "settledAt",
            "startedAt",
            "state",
            "url",
          ]);
        }
      }
      t.same([...new Set(shop.types())].sort(), Object.keys(keys).sort());
      await shop.counts({ payments: 1 });
    },
  },
  {
    name: "a listener that throws, rejects or changes what it is given changes nothing",
    async run(t) {
      for (const onEvent of [
        () => {
          throw new Error("the listener broke");
        },
        () => Promise.reject(new Error("later")).catch(() => {}),
        (event) => {
          if (event.payment) event.payment.amountMsat = 0;
          if (event.quote) event.quote.amountMsat = 0;
          for (const key of Object.keys(event)) delete event[key];
        },
      ]) {
        const shop = openShop(t);
        const pay = shop.client({ onEvent });
        t.equal((await pay(shop.url("a"))).status, 200);
        const reused = await pay(shop.url("a"));
        t.equal(t.pkg.receiptOf(reused).paidNow, false);
        t.equal((await pay.spent()).total, 10);
        await shop.counts({ payments: 1, accepted: 2 });
      }
    },
  },
  {
    name: "urls in events, quotes and payments have no user, password or fragment",
    async run(t) {
      const shop = openShop(t);
      const plain = shop.url("a", { n: 1 }, "https://shop.test");
      const pay = shop.client({
        fetch: async (input, init) => {
          const url = new URL(input);
          const response = await shop.fetch(t.base + url.pathname + url.search, init);
          return new Response(response.body, { status: response.status, headers: response.headers });
        },
      });
      await pay(`${plain}#fragment`);
      await pay(`${plain}#other`);
      const response = await pay(plain.replace("https://", "https://user:secret@"));
      t.equal(response.status, 402);
      t.same(shop.events.at(-1), { type: "unpayable", url: plain, reason: "authorization_set" });
      const urls = shop.events
        .flatMap((event) => [event.url, event.quote?.url, event.payment?.url])
        .filter((url) => url !== undefined);
      t.same([...new Set(urls)], [plain]);
      t.equal((await pay.payments())[0].url, plain);
      t.equal(JSON.stringify(shop.events).includes("secret"), false);
      await shop.counts({ payments: 1, accepted: 2 });
    },
  },
  {
    name: "no preimage and no credential in events, errors, quotes or payments",
    async run(t) {
      const shop = openShop(t);
      const seen = [];
      const keep = (error) =>
        seen.push(error.message, error.stack, JSON.stringify(error), JSON.stringify(error.payment ?? null));
      await shop.pay(shop.url("a"));
      const twisted = shop.client({
        wallet: async (invoice) => {
          const { preimage } = await shop.settle(invoice.paymentRequest);
          return { preimage: `${preimage}00` };
        },
      });
      keep(await t.rejects(twisted(shop.url("b")), "no_preimage"));
      const other = shop.client({
        wallet: async (invoice) => {
          await shop.settle(invoice.paymentRequest);
          return { preimage: "ab".repeat(32) };
        },
      });
      keep(await t.rejects(other(shop.url("c")), "wrong_preimage"));
      seen.push(JSON.stringify(shop.events), JSON.stringify(await shop.pay.payments()));
      const { paid } = await shop.counts({ payments: 3 });
      const secrets = ["ab".repeat(32), ...(await Promise.all(Object.keys(paid).map(shop.preimage)))];
      t.equal(secrets.length, 4);
      for (const secret of secrets)
        t.equal(
          seen.some((text) => String(text).includes(secret)),
          false,
          "a secret was shown",
        );
    },
  },
];
