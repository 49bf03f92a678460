// The parsers. They return plain objects with exactly the declared properties.
import { openShop } from "../shop.js";

// the BOLT11 specification's own example, and what was made for this project
const COFFEE =
  "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44";

function assertPlain(t, value, keys) {
  t.equal(Object.getPrototypeOf(value), Object.prototype, "the prototype");
  t.same(Reflect.ownKeys(value).sort(), [...keys].sort());
  for (const key of keys) {
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(value, key);
    t.ok(writable && enumerable && configurable, `an ordinary property ${key}`);
  }
}

export default [
  {
    name: "decodeInvoice gives a plain object with exactly the declared properties",
    async run(t) {
      const invoice = await t.pkg.decodeInvoice(COFFEE);
      assertPlain(t, invoice, [
        "paymentRequest",
        "network",
        "amountMsat",
        "amountSat",
        "paymentHash",
        "description",
        "descriptionHash",
        "payee",
        "timestamp",
        "expiresAt",
      ]);
      t.same(invoice, {
        paymentRequest: COFFEE,
        network: "bitcoin",
        amountMsat: 2_000_000_000,
        amountSat: 2_000_000,
        paymentHash: "0001020304050607080900010203040506070809000102030405060708090102",
        description: null,
        descriptionHash: "3925b6f67e2c340036ed12093dd44e0368df1b6ea26c53dbe4811f58fd5db8c1",
        payee: null,
        timestamp: 1496314658,
        expiresAt: 1496314658 + 3600,
      });
      t.same(structuredClone(invoice), invoice);
      t.equal((await t.pkg.decodeInvoice(COFFEE.toUpperCase())).paymentHash, invoice.paymentHash);
    },
  },
  {
    name: "invoices of every network and kind, against the paywall's own decoding",
    async run(t) {
      const networks = { bc: "bitcoin", tb: "testnet", tbs: "signet", bcrt: "regtest", sb: "simnet" };
      const kinds = [
        ...Object.keys(networks).map((network) => ({ network })),
        { amount: "none" },
        { msat: 1 },
        { msat: 2_500_001 },
        { price: 2_100_000_000 },
        { payee: 1 },
        { expiry: 5 },
        { age: 100_000 },
        { description: "" },
        { description: "☃ and more" },
        { description: "long ".repeat(20), description_hash: 1 },
      ];
      for (const kind of kinds) {
        const theirs = await (await openShop(t).fetch(`${t.other}/invoice?${new URLSearchParams(kind)}`)).json();
        const ours = await t.pkg.decodeInvoice(theirs.invoice);
        const amountSat = theirs.amountMsat === null ? null : Math.ceil(theirs.amountMsat / 1000);
        const expected = {
          ...theirs,
          amountSat,
          paymentRequest: theirs.invoice,
          network: networks[kind.network ?? "bcrt"],
        };
        for (const [key, value] of Object.entries(ours))
          t.equal(value, expected[key], `${key} of ${JSON.stringify(kind)}`);
      }
    },
  },
  {
    name: "a text that is no invoice: invalid_invoice",
    async run(t) {
      const broken = `${COFFEE.slice(0, -1)}${COFFEE.endsWith("q") ? "p" : "q"}`;
      const mixed = COFFEE.slice(0, 20) + COFFEE.slice(20).toUpperCase();
      const bad = [
        "",
        "lnbc1",
        "nonsense",
        broken,
        mixed,
        COFFEE.slice(0, -10),
        `${COFFEE}\0`,
        "☃",
        "1".repeat(10_000),
        "lnbc".repeat(5_000),
      ];
      for (const text of bad) {
        const error = await t.rejects(t.pkg.decodeInvoice(text), "invalid_invoice");
        t.ok(error instanceof t.pkg.L402Error && error instanceof Error, "an L402Error");
        t.equal(error.name, "L402Error");
        t.equal("response" in error || "payment" in error || "cause" in error, false);
      }
    },
  },
  ...["v2", "v1", "json", "hexid", "rawid"].map((token) => ({
    name: `decodeMacaroon reads a ${token} token of any base64, against the paywall's own decoding`,
    async run(t) {
      for (const form of [{}, { base64: "url" }, { pad: 0 }, { base64: "url", pad: 0 }]) {
        const query = new URLSearchParams({ token, valid_until: 60, caveat: "expiration=4102444800000", ...form });
        const theirs = await (await openShop(t).fetch(`${t.other}/challenge?${query}`)).json();
        const ours = await t.pkg.decodeMacaroon(theirs.token);
        assertPlain(t, ours, [
          "version",
          "location",
          "identifier",
          "paymentHash",
          "tokenId",
          "caveats",
          "expiresAt",
          "signature",
        ]);
        t.equal(ours.version, token === "v1" ? 1 : 2);
        t.equal(ours.location, theirs.macaroon.location);
        t.equal(ours.identifier, theirs.macaroon.identifier);
        t.equal(ours.signature, theirs.macaroon.signature);
        t.same(
          ours.caveats.map((caveat) => caveat.raw),
          theirs.macaroon.caveats,
        );
        for (const caveat of ours.caveats) assertPlain(t, caveat, ["condition", "value", "raw"]);
        t.equal(ours.paymentHash, token === "rawid" ? null : theirs.paymentHash);
        t.equal(ours.tokenId === null, token === "rawid");
        t.ok(ours.expiresAt > Date.now() / 1000 && ours.expiresAt < 4102444800, "the earlier expiry");
        t.same(structuredClone(ours), ours);
      }
    },
  })),
  {
    name: "a text that is no macaroon: invalid_macaroon",
    async run(t) {
      for (const text of ["", "x", "AgEEbHNhdA", "☃", "eyJ2IjoyfQ", "a".repeat(100_000)]) {
        const error = await t.rejects(t.pkg.decodeMacaroon(text), "invalid_macaroon");
        t.ok(error instanceof t.pkg.L402Error);
        await t.rejects(t.pkg.attenuateMacaroon(text, ["a=b"]), "invalid_macaroon");
      }
    },
  },
  {
    name: "attenuateMacaroon narrows a token that was paid for, and the server obeys",
    async run(t) {
      for (const token of ["v2", "v1", "json"]) {
        const shop = openShop(t);
        await shop.pay(shop.url("a", { token }));
        const [, paid] = await shop.log();
        const [whole, preimage] = paid.credential.split(":");
        const narrow = await t.pkg.attenuateMacaroon(whole, [`RequestPath = ${shop.path("a")}`, "RequestMethod=GET"]);
        const { caveats } = await t.pkg.decodeMacaroon(narrow);
        t.same(caveats.slice(-2), [
          { condition: "RequestPath", value: shop.path("a"), raw: `RequestPath = ${shop.path("a")}` },
          { condition: "RequestMethod", value: "GET", raw: "RequestMethod=GET" },
        ]);
        const headers = { authorization: `L402 ${narrow}:${preimage}` };
        t.equal((await shop.fetch(shop.url("a"), { headers })).status, 200);
        t.equal((await shop.fetch(shop.url("b"), { headers })).status, 402);
        t.equal((await shop.fetch(shop.url("a"), { headers, method: "POST" })).status, 402);
        await shop.counts({ payments: 1, accepted: 2, refused: 2 });
      }
    },
  },
  {
    name: "parseChallenges gives plain objects, with an offer if Lightning can pay it",
    async run(t) {
      const query = new URLSearchParams({ scheme: "both", param: "macaroon" });
      const { header, token, invoice } = await (await openShop(t).fetch(`${t.other}/challenge?${query}`)).json();
      const challenges = await t.pkg.parseChallenges(`Basic realm="a, b", ${header}, Digest`);
      t.ok(Array.isArray(challenges), "an array");
      t.same(challenges, [
        { scheme: "Basic", params: { realm: "a, b" } },
        {
          scheme: "LSAT",
          params: { macaroon: token, invoice: invoice.invoice ?? invoice },
          offer: { protocol: "lsat", token, invoice: invoice.invoice ?? invoice },
        },
        {
          scheme: "L402",
          params: { macaroon: token, invoice: invoice.invoice ?? invoice },
          offer: { protocol: "l402", token, invoice: invoice.invoice ?? invoice },
        },
        { scheme: "Digest", params: {} },
      ]);
      assertPlain(t, challenges[0], ["scheme", "params"]);
      assertPlain(t, challenges[1], ["scheme", "params", "offer"]);
      assertPlain(t, challenges[1].params, ["macaroon", "invoice"]);
      assertPlain(t, challenges[1].offer, ["protocol", "token", "invoice"]);
    },
  },
  {
    name: "a parameter named __proto__ is a parameter",
    async run(t) {
      const [{ params }] = await t.pkg.parseChallenges('Basic __proto__="x", constructor="y", REALM="Z\\"z"');
      assertPlain(t, params, ["__proto__", "constructor", "realm"]);
      t.equal(Object.getOwnPropertyDescriptor(params, "__proto__").value, "x");
      t.equal(params.realm, 'Z"z');
      t.equal({}.x, undefined);
    },
  },
  {
    name: "headers of other schemes hold no offer; malformed ones are invalid_challenge",
    async run(t) {
      t.same(await t.pkg.parseChallenges(""), []);
      t.same(await t.pkg.parseChallenges(" , ,"), []);
      t.same(await t.pkg.parseChallenges('Bearer, Negotiate abc==, Basic realm="x"'), [
        { scheme: "Bearer", params: {} },
        { scheme: "Negotiate", params: {} },
        { scheme: "Basic", params: { realm: "x" } },
      ]);
      for (const header of [
        'L402 macaroon="a"',
        'L402 invoice="lnbc1"',
        'L402 token="a", macaroon="b", invoice="lnbc1"',
        'L402 token="", invoice="lnbc1"',
        "☃ ===",
        'L402 realm="x", x402 realm="x", invoice="required"',
      ]) {
        const error = await t.rejects(t.pkg.parseChallenges(header), "invalid_challenge");
        t.ok(error instanceof t.pkg.L402Error);
      }
    },
  },
  {
    name: "a value that is no text is refused with the parser's own code",
    async run(t) {
      for (const value of [undefined, null, 5, true, {}, [], ["lnbc"], { length: 3 }, new String("x"), Symbol("x")]) {
        await t.rejects(t.pkg.decodeInvoice(value), "invalid_invoice");
        await t.rejects(t.pkg.decodeMacaroon(value), "invalid_macaroon");
        await t.rejects(t.pkg.parseChallenges(value), "invalid_challenge");
        await t.rejects(t.pkg.attenuateMacaroon(value, ["a=b"]), "invalid_macaroon");
      }
      const { token } = await (await openShop(t).fetch(`${t.other}/challenge`)).json();
      for (const caveats of [undefined, null, "a=b", 5, {}, [5], [null], [["a=b"]], ["a=b", undefined]]) {
        await t.rejects(t.pkg.attenuateMacaroon(token, caveats), "invalid_macaroon");
      }
    },
  },
];
