// What the shop and the wallet that users test with make of credentials and invoices that no client has touched.
import { testShop } from "l402-fetch/testing";
import { URL } from "../test-shop.js";

/** JSON in base64, as headers carry it. */
const inBase64 = (value) => btoa(JSON.stringify(value));
const inBase64Url = (value) => inBase64(value).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const fromBase64 = (text) => JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));

/** Pays what a shop asks for this request, and gives the headers of the 402 and the preimage. */
async function paidByHand(t, { fetch, wallet }, url = URL, init = {}) {
  const { headers } = await fetch(url, init);
  const [{ params, offer }] = await t.pkg.parseChallenges(headers);
  const { paymentHash } = await t.pkg.decodeInvoice(offer.invoice);
  const { preimage } = await wallet.pay({ paymentHash, paymentRequest: offer.invoice });
  return { headers, params, offer, preimage };
}

export default [
  {
    name: "testShop, x402 by hand: a proof opens its own request, once, in time, with its own entry",
    async run(t) {
      let time = 1_900_000_000_000;
      const world = testShop({ protocol: "x402", invoiceSeconds: 600, now: () => time });
      const body = "snow ☃";
      const ask = async (accepted, preimage, init = {}, url = URL) => {
        const headers = { "payment-signature": inBase64({ x402Version: 2, accepted, payload: { preimage } }) };
        const response = await world.fetch(url, { method: "POST", body, ...init, headers });
        const said = response.headers.get("payment-response");
        return [response.status, said && (fromBase64(said).errorReason ?? fromBase64(said).transaction)];
      };
      const entryOf = ({ headers }) => fromBase64(headers.get("payment-required")).accepts[0];
      const first = await paidByHand(t, world, URL, { method: "POST", body });
      const second = await paidByHand(t, world, URL, { method: "POST", body });
      const entry = entryOf(first);
      const { paymentHash } = world.shop.payments[0];
      const mismatch = [402, "invalid_exact_lnbtc_request_mismatch"];
      t.same(await ask(entry, first.preimage, { body: "rain" }), mismatch);
      t.same(await ask(entry, first.preimage, { method: "PUT" }), mismatch);
      t.same(await ask(entry, first.preimage, {}, `${URL}?`), mismatch);
      t.same(await ask(entryOf(second), first.preimage), [402, null], "the entry of another invoice");
      t.same(await ask({ ...entry, amount: "1" }, first.preimage), [402, null], "a changed entry");
      t.same(await ask(entry, "00".repeat(32)), [402, null], "another preimage");
      t.same(await ask(null, first.preimage), [402, null], "no entry");
      t.same(await ask(entry, first.preimage), [200, paymentHash]);
      t.same(await ask(entry, first.preimage), [409, "duplicate_settlement"]);
      time += 661_000;
      t.same(await ask(entryOf(second), second.preimage), [402, "invalid_exact_lnbtc_invoice_expired"]);
      t.same(
        world.shop.payments.map(({ shown, opened }) => [shown, opened]),
        [
          [5, 1],
          [1, 0],
        ],
      );
    },
  },
  {
    name: "testShop, MPP by hand: a credential holds its challenge as it was, and says why it is refused",
    async run(t) {
      const world = testShop({ protocol: "mpp" });
      const { params, preimage } = await paidByHand(t, world);
      const ask = async (challenge, payload) => {
        const authorization = `Payment ${inBase64Url({ challenge, payload })}`;
        const response = await world.fetch(URL, { headers: { authorization } });
        const { type } = await response.json();
        return [response.status, type?.split("/").at(-1)];
      };
      const failed = [402, "verification-failed"];
      for (const name of ["realm", "request", "intent", "method", "id"])
        t.same(await ask({ ...params, [name]: `${params[name]}x` }, { preimage }), failed, name);
      t.same(await ask(params, { preimage: "00".repeat(32) }), failed);
      t.same(await ask(params, {}), failed);
      t.equal((await world.fetch(URL, { headers: { authorization: "Payment x" } })).status, 402);
      t.same(await ask(params, { preimage }), [200, undefined]);
      t.same(await ask(params, { preimage }), [402, "unknown-challenge"]);
      t.same([world.shop.payments[0].shown, world.shop.payments[0].opened], [2, 1]);
    },
  },
  {
    name: "testShop: the wallet pays a hash once, and no expired invoice; a 402 tells what is wrong",
    async run(t) {
      let time = 1_900_000_000_000;
      const { fetch, wallet, shop } = testShop({ price: 7, now: () => time });
      const order = async () => {
        const [{ offer }] = await t.pkg.parseChallenges(await fetch(URL));
        return t.pkg.decodeInvoice(offer.invoice);
      };
      const once = await order();
      t.same(await wallet.pay(once), await wallet.pay(once));
      t.equal(shop.payments.length, 1);
      t.equal(await wallet.balanceMsat(), 999_993_000);

      wallet.fail("silence", 1);
      const slow = await order();
      const both = [wallet.pay(slow), wallet.pay(slow)];
      t.same(await wallet.lookup(slow.paymentHash), { state: "pending" });
      wallet.settle();
      const [one, other] = await Promise.all(both);
      t.same(one, other);
      t.equal(shop.payments.length, 2);
      wallet.settle("failed");
      t.equal((await wallet.lookup(slow.paymentHash)).state, "paid", "what is over stays as it is");

      const old = await order();
      time += 3_600_000;
      t.same(await wallet.pay(old), { failed: "the invoice has expired" });
      t.same(await wallet.lookup(old.paymentHash), { state: "not_found" });
      t.same(await wallet.lookup("00".repeat(32)), { state: "not_found" });
      t.equal(wallet.orders, 5);

      const unpaid = await fetch(URL);
      t.equal(unpaid.headers.get("content-type"), "application/problem+json");
      t.same(await unpaid.json(), {
        type: "about:blank",
        title: "Payment Required",
        status: 402,
        detail: "this costs 7 sat",
      });
      t.equal(await (await fetch(URL, { method: "HEAD" })).text(), "");
      const foreign = await fetch(URL, { headers: { authorization: "L402 AAAA:00" } });
      t.equal((await foreign.json()).detail, "this shop has made no such token, or the preimage is wrong");
      const bearer = await fetch(URL, { headers: { authorization: "Bearer x" } });
      t.equal((await bearer.json()).detail, "this costs 7 sat");
    },
  },
];
