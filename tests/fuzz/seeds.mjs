// What the fuzzers start from, made from tests/vectors and the stored forms: { name: [inputs] } for each target.
import { readFileSync } from "node:fs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

/** A longer input costs every run that starts from it. */
const LONGEST = 10_000;
// the targets' own mark of an input that is taken apart
const [FIELDS, BOTH] = [[0], "\u{1e}"];

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** An invoice as the target takes it apart: prefix, then 5-bit groups without the checksum. */
function fields(invoice) {
  const data = invoice.toLowerCase().split("1").at(-1).slice(0, -6);
  return bytes(
    FIELDS,
    [2],
    Array.from(data, (character) => Math.max(0, BECH32.indexOf(character))),
  );
}

const payment = {
  paymentHash: "ab".repeat(32),
  origin: "https://a.example",
  url: 'https://a.example/x?q="1"',
  method: "GET",
  protocol: "l402",
  token: "dG9rZW4=",
  preimage: null,
  amountMsat: 1000,
  feeMsat: 0,
};
const record = (more) => ({
  ...payment,
  maxFeeMsat: 5000,
  state: "pending",
  startedAt: 1800000000123,
  settledAt: null,
  invoice: "lnbc1",
  invoiceExpiresAt: 1800003600,
  description: null,
  scopes: [],
  owner: "1",
  ...more,
});
const token = (more) => ({
  ...payment,
  preimage: "cd".repeat(32),
  startedAt: 1800000000,
  settledAt: 1800000001,
  expiresAt: 1800003600,
  accepted: true,
  ownRefusals: 0,
  refused: [],
  ...more,
});
const sums = {
  ever: "1000 5000 1",
  moments: "360000000 0 0 1",
  minute: "30000000 1000 5000 1 0 0 0 0 0 0",
  last: 1800000000123,
};
const past = { minutes: "30000000 1000 5000 1", quarters: "2000000 1000 5000 1", minutesFrom: 0 };
const origin = { ...sums, opened: false, seemsToOpen: true, refused: false, usedUp: 1, tokens: [] };
/** Rows in the order in which a step reads them. */
const rowsOf = (...all) => all.map((row) => JSON.stringify({ v: 1, rev: 3, ...row })).join(BOTH);

const base64 = (text, form = "base64") => Buffer.from(text).toString(form);

/** What a 402 of x402 asks for. */
const required = (accepts, more) =>
  JSON.stringify({
    x402Version: 2,
    resource: { url: "https://api.example.com/article/A" },
    accepts,
    ...more,
  });

/** A challenge of the `Payment` scheme. */
const payment402 = (request, more = "") =>
  `Payment id="a", realm="r", method="lightning", intent="charge", request="${base64(request, "base64url")}"${more}`;

export function seeds() {
  const challenges = vectors("challenges");
  const mpp = vectors("mpp-aperture");
  const x402 = vectors("x402-lnbtc").challenge.accepts;
  const bound = { ...x402, extra: { ...x402.extra, requestBindingParams: { headers: ["a", "cookie"] } } };
  const invoices = [...Object.keys(vectors("invoices")), ...vectors("lnd-invoices").map((row) => row.invoice)];
  const tokens = challenges.map(({ expect }) => expect?.token).filter((text) => typeof text === "string");
  const all = {
    challenge: [...challenges.map(({ header }) => header), ...vectors("aperture").map(({ header }) => header)],
    invoice: [...invoices, ...invoices.map(fields)],
    macaroon: [
      ...tokens,
      ...tokens.map((text, i) => bytes([i % 4], Buffer.from(text, "base64"))),
      ...["", ",", "=="].map((joint) => tokens.slice(0, 3).join(joint)),
      '{"i":"a","c":[{"i":"exp=1"}],"s64":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}',
    ],
    mpp: [
      ...challenges.map(({ header }) => header).filter((header) => /payment/i.test(header)),
      ...vectors("aperture").map(({ header }) => header),
      ...[...mpp.challengeHeaders, ...mpp.challengeLists, ...mpp.receipts].map(({ header }) => header),
      ...mpp.canonicalization.map(({ input }) => payment402(input, ', expires="2036-01-01T00:00:00Z", opaque="x"')),
      'Payment method="lightning", invoice="lnbc1", amount="10", currency="sat"',
      '{"type":"https://paymentauth.org/problems/payment-expired"}',
    ],
    x402: [
      ...[
        required([x402]),
        required([{ scheme: "exact", network: "eip155:8453" }, bound, x402], { extensions: { a: [1, {}] } }),
        required([], { error: "duplicate_settlement" }),
        '{"success":true,"transaction":"66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"}',
      ].flatMap((text) => [text, base64(text)]),
    ],
    ledger: [
      rowsOf(sums),
      rowsOf(past),
      rowsOf(sums, past),
      rowsOf(origin),
      rowsOf(record(), { count: 1, lastsMs: 150000 }),
      ...["pending", "unknown", "paid", "failed", "reserved"].map((state) =>
        rowsOf(
          record({ state, scopes: ["agent"] }),
          origin,
          sums,
          sums,
          sums,
          { paymentHash: payment.paymentHash, owner: "1" },
          { unaccepted: [{ paymentHash: payment.paymentHash, expiresAt: null, refusals: 1 }] },
          { tokens: [token(), token({ refused: [{ at: "GET /x", times: 2 }], accepted: false })] },
        ),
      ),
      '{"v":2,"rev":1}',
      bytes(
        FIELDS,
        Array.from({ length: 400 }, (_, i) => (i * 37) % 251),
      ),
      bytes(
        FIELDS,
        Array.from({ length: 400 }, (_, i) => (i * 53) % 241),
      ),
    ],
    config: [
      { limits: [1, ...Array(13).fill(null)] },
      {
        limits: [1, 2, null, 4, 5, 6, 7, null, 8, 9, 0, 10, 11, null],
        approveAbove: 12,
        networks: ["regtest", "signet"],
        hosts: ["*.example.com", "https://a.b:1"],
        protocols: ["lsat", "l402"],
        proof: "none",
        paymentTimeout: 7,
      },
    ].map((options) => JSON.stringify(options)),
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, list]) => [
      name,
      [...new Set(list)].filter((text) => typeof text?.length === "number" && text.length <= LONGEST),
    ]),
  );
}

const KIB = 1024;
const filled = (part, size = 64 * KIB) => part.repeat(Math.floor(size / Buffer.byteLength(part)));
const packet = (text) => `${(text.length + 5).toString(16).padStart(4, "0")}${text}\n`;

/** Inputs of full size, made to be slow where reading is not linear. Each must be done well within a second. */
export function hostile() {
  const names = (count) => Array.from({ length: count }, (_, i) => `"n${i}":0`).join(",");
  return {
    challenge: [
      ...[
        "a=b,",
        "L402 ",
        "L402 a=b,",
        ", ",
        '"',
        "\\",
        "'",
        "=",
        'a="',
        'a="\\"\\"",',
        '\u{7f}",',
        "é",
        "a ",
        "a==,",
      ].map((part) => filled(part)),
      `L402 ${Array.from({ length: 6000 }, (_, i) => `p${i}=x`).join(",")}`,
      `L402 token="${filled('\\"', 60 * KIB)}", invoice=x`,
    ],
    invoice: [
      filled("lnbc1"),
      `lnbc1${filled("q", 7000)}`,
      `lnbc${filled("9", 7000)}1q`,
      bytes(FIELDS, [0], new Uint8Array(7000)),
      bytes(FIELDS, [0], Array(7000).fill([13, 0, 0]).flat().slice(0, 7000)),
    ],
    macaroon: [
      filled("A"),
      filled(","),
      filled("A,"),
      filled("{"),
      filled("AgJpZAAA"),
      filled("eyJ2IjoyfQ,"),
      `{"v":2,${names(1020)},"i":"i","s64":""}`,
      `{"v":2,"i":"i","c":[${filled('{"i":"a"},', 60 * KIB)}`,
      `{"v":2,"i":"${filled("\\u0041", 60 * KIB)}"}`,
      base64(packet("identifier x") + filled(packet("cid a"), 45 * KIB) + packet(`signature ${"s".repeat(32)}`)),
      bytes([0, 2, 2, 1, 105, 0], filled("\u{2}\u{1}a\0", 45 * KIB), [0, 6, 32], "s".repeat(32)),
      // texts that were joined, each of which is found only behind the one before it; and what starts as many
      filled("AgICaWQAAAYgcwcwcwcwcwcwcwcwcwcwcwcwcwcwcwcwcwcwcwcwcw"),
      filled("eyJpIjoiYSJ9,"),
      filled("eyJpIjoiYSJ9"),
      filled("e30"),
      filled("W3s="),
    ],
    mpp: [
      payment402(filled("[", 45 * KIB)),
      payment402(filled("[1,", 45 * KIB)),
      payment402(`{${names(1020)}}`),
      payment402(`{"amount":"${filled("\\u0041", 45 * KIB)}"}`),
      payment402("{}", `, opaque="${filled('\\"', 60 * KIB)}"`),
      filled(`${payment402("{}")}, `),
      filled('Payment method="lightning", invoice="x", '),
      `Payment method="lightning", ${Array.from({ length: 6000 }, (_, i) => `p${i}=x`).join(",")}`,
    ],
    x402: [
      ...[
        required(Array(10_000).fill({})),
        required(Array(1_000).fill({ scheme: "exact", network: "lnbtc:" })),
        required(
          Array(60).fill({ ...vectors("x402-lnbtc").challenge.accepts }),
          // beside each of the entries
          { extensions: Array(4_000).fill(1) },
        ),
        required([], { extensions: filled("\\", 20 * KIB) }),
        `{"x402Version":2,"accepts":[${filled("[", 45 * KIB)}`,
        `{"x402Version":2,"accepts":[],${names(1020)}}`,
      ].flatMap((text) => [text, base64(text)]),
      filled("A"),
      filled("A", 1024 * KIB),
    ],
    ledger: [
      filled("["),
      `{"v":1,"rev":1,${names(1020)}}`,
      `{"v":1,"rev":1,"quarters":"${filled("1 2 3 4 ", 250 * KIB)}1"}`,
      rowsOf({ tokens: Array(500).fill(token()) }),
      rowsOf({ tokens: [token({ refused: Array(2000).fill({ at: "GET /x", times: 1 }) })] }),
      rowsOf(record({ token: filled("A,") })),
    ],
    config: [`{"limits":[1${",null".repeat(13)}],"hosts":[${filled('"*.a.b",', 150 * KIB)}"a"]}`, `{${names(1024)}}`],
  };
}
