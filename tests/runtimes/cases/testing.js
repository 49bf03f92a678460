// The shop and the wallet that users test with. They are an independent server, so the invoices and tokens are compared
// with what the package itself reads.
import { testShop } from "l402-fetch/testing";
import { deferred } from "../shop.js";

const URL = "https://api.example.com/weather";
const PROTOCOLS = ["l402", "lsat", "mpp", "x402"];

/** A shop, and a fetch that pays there. */
function open(t, options, more = {}) {
  const { shop, ...world } = testShop(options);
  const events = [];
  const onEvent = (event) => events.push(event.type);
  const client = (other) => t.pkg.createFetch({ ...world, limits: { perPayment: 100 }, onEvent, ...more, ...other });
  return { ...world, shop, events, client, pay: client() };
}

/** Asserts what came of calls: the answers, the payments, the orders, and how often tokens were shown. */
function counts(t, { shop, wallet }, expected) {
  const found = {
    statuses: shop.requests.map(({ status }) => status),
    payments: shop.payments.length,
    orders: wallet.orders,
    shown: shop.payments.map(({ shown }) => shown),
    opened: shop.payments.map(({ opened }) => opened),
  };
  t.same(found, expected);
}

const soldTo = (t, response) => t.pkg.receiptOf(response).payment.protocol;

const buying = [
  ...["l402", "lsat"].map((protocol) => ({
    name: `testShop sells by ${protocol}: the token opens all, and is bought once`,
    async run(t) {
      const world = open(t, { price: 12, protocol });
      const { shop, wallet, pay, networks } = world;
      t.same(networks, ["regtest"]);
      t.equal((await pay.quote(URL)).amountSat, 12);
      const response = await pay(`${URL}#now`);
      t.equal(response.url, URL);
      t.same(await response.json(), { bought: "/weather" });
      t.equal((await pay("https://api.example.com/news?of=today", { method: "POST", body: "x" })).status, 200);
      counts(t, world, { statuses: [402, 402, 200, 200], payments: 1, orders: 1, shown: [2], opened: [2] });
      t.equal(shop.challenges, 2);
      t.equal(shop.satsReceived, 12);
      t.same(shop.requests.at(-1), {
        method: "POST",
        url: "https://api.example.com/news?of=today",
        protocol,
        status: 200,
      });
      const { invoice, preimage, paymentHash, ...rest } = shop.payments[0];
      t.same(rest, { amountSat: 12, url: URL, protocol, shown: 2, opened: 2 });
      t.same(await wallet.lookup(paymentHash), { state: "paid", preimage, feeMsat: 0 });
      t.equal((await pay.payments())[0].invoice, invoice);
      t.same(await pay.spent(), { hour: 12, day: 12, total: 12 });
      t.equal(await pay.balanceMsat(), 999_988_000);
    },
  })),
  {
    name: "testShop: invoices and macaroons are read by the package as they were made",
    async run(t) {
      const now = () => 1_800_000_000_999;
      for (const [network, prefix] of Object.entries({
        bitcoin: "lnbc",
        testnet: "lntb",
        signet: "lntbs",
        regtest: "lnbcrt",
        simnet: "lnsb",
      })) {
        for (const price of [1, 123_456_789, 9_007_199_254_740]) {
          const { fetch, shop } = testShop({
            price,
            network,
            now,
            invoiceSeconds: 600,
            tokenSeconds: 60,
            scope: "path",
          });
          const [{ offer }] = await t.pkg.parseChallenges(await fetch("https://a.example/snow%20☃?x=1"));
          t.equal(offer.protocol, "l402");
          t.ok(offer.invoice.startsWith(`${prefix}${price}0n1`), offer.invoice);
          const invoice = await t.pkg.decodeInvoice(offer.invoice);
          const { paymentHash } = invoice;
          t.same(invoice, {
            paymentRequest: offer.invoice,
            network,
            amountMsat: price * 1000,
            amountSat: price,
            paymentHash,
            description: "shop /snow%20%E2%98%83",
            descriptionHash: null,
            payee: null,
            timestamp: 1_800_000_000,
            expiresAt: 1_800_000_600,
          });
          t.equal(await t.pkg.recoverPayee(offer.invoice), shop.payee);
          const macaroon = await t.pkg.decodeMacaroon(offer.token);
          t.same(
            [macaroon.version, macaroon.location, macaroon.paymentHash, macaroon.expiresAt],
            [2, "shop", paymentHash, 1_800_000_060],
          );
          t.same(
            macaroon.caveats.map(({ raw }) => raw),
            ["services=shop:0", "shop_valid_until=1800000060", "RequestPath=/snow%20%E2%98%83"],
          );
        }
      }
    },
  },
  {
    name: "testShop sells by MPP: a charge is good for one request, or for as many as you say",
    async run(t) {
      const once = open(t, { protocol: "mpp" });
      const response = await once.pay(URL);
      const { payment, attested } = t.pkg.receiptOf(response);
      t.same([payment.protocol, attested.reference], ["mpp", payment.paymentHash]);
      t.equal((await once.pay(URL)).status, 200);
      counts(t, once, { statuses: [402, 200, 402, 402, 200], payments: 2, orders: 2, shown: [2, 1], opened: [1, 1] });
      t.ok(once.events.includes("rejected"), "the shop says why it refuses a charge");

      const twice = open(t, { protocol: "mpp", uses: 2 });
      for (let i = 0; i < 3; i++) t.equal((await twice.pay(URL)).status, 200);
      counts(t, twice, {
        statuses: [402, 200, 200, 402, 402, 200],
        payments: 2,
        orders: 2,
        shown: [3, 1],
        opened: [2, 1],
      });
    },
  },
  {
    name: "testShop sells by x402: an offer is bound to its request, and good for one",
    async run(t) {
      const world = open(t, { protocol: "x402" });
      t.same(world.networks, ["bitcoin"]);
      for (const init of [undefined, { method: "POST", body: "snow ☃" }]) {
        const response = await world.pay(URL, init);
        t.equal(response.status, 200);
        const { payment, attested } = t.pkg.receiptOf(response);
        t.same([payment.protocol, attested.transaction], ["x402", payment.paymentHash]);
      }
      counts(t, world, { statuses: [402, 200, 402, 200], payments: 2, orders: 2, shown: [1, 1], opened: [1, 1] });
      t.equal((await testShop({ protocol: ["x402", "l402"] })).networks.join(), "bitcoin,regtest");
      t.same(testShop({ protocol: "x402", network: "testnet" }).networks, ["testnet"]);
    },
  },
  {
    name: "testShop: several protocols stand in one 402, and each can be taken",
    async run(t) {
      for (const protocol of PROTOCOLS) {
        const world = open(t, { protocol: PROTOCOLS }, { protocols: [protocol] });
        const response = await world.pay(URL);
        t.equal(response.status, 200);
        t.equal(soldTo(t, response), protocol);
        counts(t, world, { statuses: [402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });
      }
      const { fetch } = testShop({ protocol: PROTOCOLS });
      const challenges = await t.pkg.parseChallenges(await fetch(URL));
      t.same(
        challenges.map(({ offer }) => offer.protocol),
        PROTOCOLS,
      );
    },
  },
];

/** By fault: the code and what it says of money, then the counts after this one call. */
const REFUSED = {
  "wallet no_route": ["payment_failed", "no", { payments: 0, orders: 1, shown: [] }],
  "wallet wrong_preimage": ["wrong_preimage", "maybe", { payments: 1, orders: 1, shown: [0] }],
  "wallet no_preimage": ["no_preimage", "maybe", { payments: 1, orders: 1, shown: [0] }],
  "shop expired_invoice": ["invoice_expired", "no", { payments: 0, orders: 0, shown: [] }],
  "shop wrong_network": ["wrong_network", "no", { payments: 0, orders: 0, shown: [] }],
  "shop other_hash": ["hash_mismatch", "no", { payments: 0, orders: 0, shown: [] }],
  "shop expired_token": ["invalid_macaroon", "no", { payments: 0, orders: 0, shown: [] }],
  "shop request_lost": ["request_failed", "yes", { payments: 1, orders: 1, shown: [0] }],
  "shop answer_lost": ["request_failed", "yes", { payments: 1, orders: 1, shown: [1] }],
};
const HAS_NOT = { "shop other_hash": ["x402"], "shop expired_token": ["mpp", "x402"] };

const failing = [
  ...Object.entries(REFUSED).map(([fault, [code, moneyMoved, expected]]) => ({
    name: `testShop, ${fault}: ${code}`,
    async run(t) {
      const [who, name] = fault.split(" ");
      for (const protocol of PROTOCOLS.filter((protocol) => !HAS_NOT[fault]?.includes(protocol))) {
        const world = open(t, { protocol });
        world[who].fail(name, 1);
        const error = await t.rejects(world.pay(URL), code);
        t.equal(error.moneyMoved, moneyMoved);
        const found = {
          payments: world.shop.payments.length,
          orders: world.wallet.orders,
          shown: world.shop.payments.map(({ shown }) => shown),
        };
        t.same(found, expected, protocol);
        // It happened once, and what was paid stays paid.
        const again = world.pay(URL);
        if (moneyMoved === "maybe") await t.rejects(again, "payment_unknown");
        else if (protocol === "mpp" && name === "answer_lost") {
          // A charge that is used up opens nothing. The core can't know that its answer was lost.
          t.equal((await again.catch(({ code }) => code)).toString(), "not_honored");
        } else t.equal((await again).status, 200, `${protocol}, again`);
        const paidTwice = protocol === "x402" && name === "answer_lost";
        t.equal(world.shop.payments.length, paidTwice ? 2 : 1, `payments, ${protocol}`);
      }
    },
  })),
  {
    name: "testShop, wallet silence: payment_unknown, and the late payment opens the next call",
    async run(t) {
      for (const outcome of ["paid", "failed"]) {
        const world = open(t, {}, { paymentTimeout: 20 });
        world.wallet.fail("silence", 1);
        const error = await t.rejects(world.pay(URL), "payment_unknown");
        t.equal(error.payment.state, "unknown");
        t.same(await world.wallet.lookup(error.payment.paymentHash), { state: "pending" });
        await t.rejects(world.pay(URL), "payment_unknown");
        t.equal(world.shop.payments.length, 0);
        t.equal(world.wallet.orders, 1);
        world.wallet.settle(outcome);
        t.equal((await world.pay(URL)).status, 200);
        t.equal(world.shop.payments.length, 1);
        t.equal(world.wallet.orders, outcome === "paid" ? 1 : 2);
      }
    },
  },
  {
    name: "testShop, wallet lost_answer: the lookup finds the payment; a function has none, and the shop's list does",
    async run(t) {
      const world = open(t);
      world.wallet.fail("lost_answer");
      const response = await world.pay(URL);
      t.equal(t.pkg.receiptOf(response).paidNow, true);
      counts(t, world, { statuses: [402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });

      const blind = open(t, {});
      blind.wallet.fail("lost_answer");
      const pay = blind.client({ wallet: blind.wallet.pay });
      const { payment } = await t.rejects(pay(URL), "payment_unknown");
      t.equal(payment.state, "unknown");
      await t.rejects(pay(URL), "payment_unknown");
      const [{ paymentHash, preimage }] = blind.shop.payments;
      t.equal(paymentHash, payment.paymentHash);
      await pay.resolve(paymentHash, { preimage });
      t.equal((await pay(URL)).status, 200);
      counts(t, blind, { statuses: [402, 402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });
    },
  },
  {
    name: "testShop, refused: a shop that learns late is asked again; one that gives nothing is paid once",
    async run(t) {
      for (const protocol of PROTOCOLS) {
        const late = open(t, { protocol });
        late.shop.fail("refused", 3);
        t.equal((await late.pay(URL)).status, 200);
        counts(t, late, { statuses: [402, 402, 402, 402, 200], payments: 1, orders: 1, shown: [4], opened: [1] });

        const thief = open(t, { protocol });
        thief.shop.fail("refused");
        t.equal((await thief.pay(URL)).status, 402);
        t.equal(thief.shop.payments[0].shown, 4);
        const error = await t.rejects(thief.pay(URL), "not_honored");
        t.equal(error.payment.paymentHash, thief.shop.payments[0].paymentHash);
        await t.rejects(thief.pay(URL), "not_honored");
        t.equal(thief.shop.payments.length, 1);
        t.equal(thief.wallet.orders, 1);
        t.equal(thief.shop.payments[0].opened, 0);
      }
    },
  },
  {
    name: "testShop: a price that rises meets the limit, and one of 0 is free",
    async run(t) {
      let price = 40;
      const world = open(t, { price: () => price, uses: 1 });
      t.equal((await world.pay(URL)).status, 200);
      price = 90;
      t.equal((await world.pay(URL)).status, 200);
      price = 101;
      const error = await t.rejects(world.pay(URL), "over_limit");
      t.equal(error.quote.amountSat, 101);
      t.equal(world.shop.satsReceived, 130);
      world.shop.price = 0;
      const free = await world.pay(URL);
      t.equal(free.status, 200);
      t.equal(t.pkg.receiptOf(free), undefined);
      t.equal(world.shop.payments.length, 2);
      price = "much";
      world.shop.price = () => price;
      t.ok((await t.rejects(world.pay(URL), "invalid_options")).message.includes("price"), "names the price");
    },
  },
  {
    name: "testShop: tokens end by the clock, which is yours, and so do invoices",
    async run(t) {
      let time = 1_900_000_000_000;
      const now = () => time;
      const world = open(t, { tokenSeconds: 60, invoiceSeconds: 30, now }, { now });
      t.equal((await world.pay(URL)).status, 200);
      time += 59_000;
      t.equal((await world.pay(URL)).status, 200);
      time += 2_000;
      t.equal((await world.pay(URL)).status, 200);
      t.equal(world.shop.payments.length, 2);

      // While the person thinks it over the invoice expires, and a fresh one is asked for.
      const slow = world.client({
        approve() {
          if (world.shop.challenges === 3) time += 31_000;
          return true;
        },
      });
      t.equal((await slow(URL)).status, 200);
      t.equal(world.shop.challenges, 4);
      t.equal(world.shop.payments.length, 3);
    },
  },
  {
    name: "testShop: the wallet keeps to its balance and to the fee limit, and pays no other shop",
    async run(t) {
      const poor = open(t, { balance: 15, feeMsat: 1_000 });
      t.equal((await poor.pay(URL)).status, 200);
      t.equal(await poor.pay.balanceMsat(), 4_000);
      t.equal((await poor.pay.spent()).total, 11);
      const failed = await t.rejects(poor.client()("https://other.example/"), "payment_failed");
      t.ok(failed.message.includes("insufficient balance"), failed.message);

      const dear = open(t, { feeMsat: 6_000 });
      await t.rejects(dear.pay(URL), "payment_failed");
      t.equal(dear.shop.payments.length, 0);

      const stranger = dear.client({ wallet: poor.wallet });
      await t.rejects(stranger(URL), "payment_failed");
      t.equal(dear.shop.payments.length, 0);
      t.equal(poor.shop.payments.length, 1);
    },
  },
];

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

const byHand = [
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

const serving = [
  {
    name: "testShop serves what you say, at a price of its own, by path and by origin",
    async run(t) {
      const world = open(t, { price: 10 });
      const { shop, pay } = world;
      shop.serve("/weather", async (request) =>
        Response.json({ method: request.method, sent: await request.text() }, { status: 201, headers: { "x-a": "1" } }),
      );
      shop.serve("/free/*", () => new Response("free"), { price: 0 });
      shop.serve("https://dear.example/*", () => new Response("dear"), { price: 50 });
      const posted = await pay(URL, { method: "POST", body: "snow" });
      t.same([posted.status, posted.headers.get("x-a")], [201, "1"]);
      t.same(await posted.json(), { method: "POST", sent: "snow" });
      t.equal(await (await pay("https://api.example.com/free/a?b")).text(), "free");
      t.equal(shop.satsReceived, 10);
      t.equal(await (await pay("https://dear.example/a")).text(), "dear");
      t.equal(shop.satsReceived, 60);
      // Its token opens nothing else of that origin, nor the token of the rest that.
      shop.serve("https://dear.example/cheap", () => new Response("cheap"), { price: 1 });
      t.equal(await (await pay("https://dear.example/cheap")).text(), "cheap");
      t.equal(await (await pay("https://dear.example/b")).text(), "dear");
      t.equal(shop.satsReceived, 61);
      t.equal(shop.payments.length, 3);
      const head = await pay(URL, { method: "HEAD" });
      t.same([head.status, await head.text()], [201, ""]);
      shop.serve("/weather", () => new Response(null, { status: 204 }));
      t.equal((await pay(URL)).status, 204);
    },
  },
  {
    name: "testShop: a token is for its origin, and with scope path for its path",
    async run(t) {
      const world = open(t, { scope: "path" });
      for (const path of ["a", "b", "a"]) t.equal((await world.pay(`https://a.example/${path}`)).status, 200);
      t.equal(world.shop.payments.length, 2);
      t.equal((await world.pay("https://b.example/a")).status, 200);
      t.equal(world.shop.payments.length, 3);

      // A token of another origin, of nobody, and one with a caveat of the holder's.
      const { fetch, wallet, shop } = testShop();
      const [{ offer }] = await t.pkg.parseChallenges(await fetch(URL));
      const { paymentHash } = await t.pkg.decodeInvoice(offer.invoice);
      const early = { authorization: `L402 ${offer.token}:${"00".repeat(32)}` };
      t.equal((await fetch(URL, { headers: early })).status, 402);
      await wallet.pay({ paymentHash, paymentRequest: offer.invoice });
      const [{ preimage }] = shop.payments;
      const status = async (token, url = URL) =>
        (await fetch(url, { headers: { authorization: `L402 ${token}:${preimage}` } })).status;
      t.equal(await status(offer.token), 200);
      t.equal(await status(offer.token, "https://b.example/weather"), 402);
      t.equal(await status("AAAA"), 402);
      t.equal(await status(`${offer.token.slice(0, -4)}AAAA`), 402);
      const narrowed = (caveats) => t.pkg.attenuateMacaroon(offer.token, caveats);
      t.equal(await status(await narrowed(["RequestPath=/weather", "RequestMethod=GET", "task=1"])), 200);
      t.equal(await status(await narrowed(["RequestPath=/news"])), 402);
      t.equal(await status(await narrowed(["RequestMethod=POST"])), 402);
      t.equal(await status(await narrowed(["shop_valid_until=1"])), 402);
      t.same([shop.payments[0].shown, shop.payments[0].opened], [6, 2]);
    },
  },
  {
    name: "testShop: what a handler throws is the network's error, and a call can be aborted",
    async run(t) {
      const { shop, pay } = open(t);
      const broken = new RangeError("broken");
      shop.serve("/broken", () => {
        throw broken;
      });
      const error = await t.rejects(pay("https://a.example/broken"), "request_failed");
      t.equal(error.cause, broken);
      shop.serve("/none", () => "text");
      const { cause } = await t.rejects(pay("https://b.example/none"), "request_failed");
      t.equal(cause.code, "invalid_options");

      const asked = deferred();
      shop.serve("/slow", (request) => {
        asked.resolve(request);
        return new Promise(() => {});
      });
      const controller = new AbortController();
      const call = pay("https://c.example/slow", { signal: controller.signal });
      await asked.promise;
      const reason = new Error("enough");
      controller.abort(reason);
      t.equal(await t.rejects(call), reason);
      t.equal(shop.requests.at(-1).status, null);
      t.equal(shop.payments.length, 3);
      t.equal(await t.rejects(pay("https://c.example/slow", { signal: AbortSignal.abort(reason) })), reason);
    },
  },
  {
    name: "testShop: spread into the options of createFetch, it gives options alone",
    async run(t) {
      const world = testShop({ price: 3 });
      const pay = t.pkg.createFetch({ ...world, limits: { perPayment: 100 } });
      t.equal((await pay(URL)).status, 200);
      t.equal(world.shop.satsReceived, 3);
      t.same(Object.keys(world), ["fetch", "wallet", "networks"]);
    },
  },
  {
    name: "testShop: many calls at once pay once, and reset forgets what was counted",
    async run(t) {
      const world = open(t);
      const { shop, wallet, pay } = world;
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => pay(`https://a.example/${i}`)));
      t.ok(
        all.every(({ status }) => status === 200),
        "all are served",
      );
      t.equal(shop.payments.length, 1);
      shop.fail("refused");
      wallet.fail("no_route");
      shop.reset();
      counts(t, world, { statuses: [], payments: 0, orders: 0, shown: [], opened: [] });
      t.same([shop.challenges, shop.satsReceived], [0, 0]);
      t.equal((await pay("https://a.example/0")).status, 200);
      t.equal((await pay("https://b.example/0")).status, 200);
      counts(t, world, { statuses: [200, 402, 200], payments: 1, orders: 1, shown: [1], opened: [1] });

      // A payment that is under way fails with it.
      const waiting = open(t, {}, { paymentTimeout: 10 });
      waiting.wallet.fail("silence");
      const { payment } = await t.rejects(waiting.pay(URL), "payment_unknown");
      waiting.shop.reset();
      t.same(await waiting.wallet.lookup(payment.paymentHash), { state: "failed" });
      t.equal((await waiting.pay(URL)).status, 200);
      t.equal(waiting.shop.payments.length, 1);
    },
  },
  {
    name: "testShop says what is wrong with its options and arguments",
    async run(t) {
      const says = (task, text) => {
        const { message } = t.throws(task, "invalid_options");
        t.ok(message.includes(text), message);
      };
      for (const options of [
        { price: -1 },
        { price: 1.5 },
        { price: "10" },
        { price: 9_007_199_254_741 },
        { uses: 0 },
        { tokenSeconds: 0 },
        { invoiceSeconds: 1e10 },
        { balance: -1 },
        { feeMsat: Number.NaN },
        { now: 5 },
        { scope: "host" },
        { network: "mainnet" },
        { protocol: [] },
        { protocol: "L402" },
        { protocol: ["l402", "bolt12"] },
        { prise: 10 },
      ])
        says(() => testShop(options), Object.keys(options)[0]);
      says(() => testShop(null), "object");
      const { shop, wallet } = testShop();
      says(() => shop.fail("no_route"), "no_route");
      says(() => wallet.fail("refused"), "refused");
      says(() => shop.fail("refused", -1), "times");
      says(() => shop.serve("weather", () => new Response()), "weather");
      says(() => shop.serve("/a?b", () => new Response()), "/a?b");
      says(() => shop.serve("/a", "text"), "function");
      says(() => shop.serve("/a", () => new Response(), { price: -1 }), "price");
      says(() => {
        shop.price = -1;
      }, "price");
      t.equal(shop.price, 10);
      shop.fail("refused", 0);
    },
  },
];

export default [buying, failing, byHand, serving].flat();
