// What must hold in every runtime. Each case gets `t`: `pkg` (the package's namespace), `base` and `other` (the paywall
// under two origins), `runtime` (its name), `workers` (URLs of further Workers, in workerd) and the harness's assertions.

const INVOICE = "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44";

export const cases = [
  {
    name: "an invoice of the BOLT11 specification is decoded",
    async run(t) {
      const invoice = await t.pkg.decodeInvoice(INVOICE);
      t.equal(invoice.amountMsat, 2_000_000_000);
      t.equal(invoice.network, "bitcoin");
      t.equal(invoice.paymentHash, "0001020304050607080900010203040506070809000102030405060708090102");
    },
  },
  {
    name: "an error of the core is an L402Error with its code",
    async run(t) {
      const error = await t.rejects(t.pkg.decodeInvoice("lnbc1"), "invalid_invoice");
      t.ok(error instanceof t.pkg.L402Error && error instanceof Error);
    },
  },
];
