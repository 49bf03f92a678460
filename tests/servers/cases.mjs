// What is bought from every server, whatever library it is made of. Its traits say what it does with tokens.

/** Longer than any token here is good for. */
const LATER = 25 * 60 * 60;
const LIMITS = { perPayment: 100 };

let buyers = 0;

/** A buyer of its own for one case, whose requests are watched. `options` are those of `createFetch`. */
function openBuyer(t, options = {}) {
  const id = `server-${++buyers}`;
  const requests = [];
  const sent = [];
  const events = [];
  let payments = 0;
  const watched = async (input, init) => {
    const response = await fetch(input, init);
    const headers = new Headers(init?.headers);
    const authorization = headers.get(t.server.field);
    if (authorization) sent.push(authorization);
    requests.push(`${authorization?.split(" ")[0] ?? "-"} ${response.status}`);
    return response;
  };
  const pay = t.pkg.createFetch({
    wallet: t.node.wallet(id),
    limits: LIMITS,
    networks: ["regtest"],
    fetch: watched,
    onEvent: ({ type, reason }) => events.push(reason ? `${type} ${reason}` : type),
    ...options,
  });
  const paid = async (expected) => t.equal(await t.node.payments(id), expected, "payments at the node");
  return {
    pay,
    paid,
    events,
    /** Every credential that was sent, in order. */
    sent,
    requests: () => requests.splice(0),
    /**
     * Calls, and asserts this trace. One payment was made in it if it has a 402 to a request without a credential, and
     * none if it has not.
     */
    async call(path, trace) {
      const response = await pay(t.url + path);
      t.same(requests.splice(0), trace, "requests");
      const paidNow = trace.includes("- 402");
      if (paidNow) payments++;
      await paid(payments);
      t.equal(response.status, Number(trace.at(-1).split(" ")[1]), "status");
      await response.text();
      if (response.status !== 200) return;
      const receipt = t.pkg.receiptOf(response);
      t.same(
        [receipt.payment.protocol, receipt.payment.state, receipt.payment.amountMsat, receipt.paidNow],
        [t.server.protocol, "paid", 10_000, paidNow],
        "receipt",
      );
      // what the server attests, which only those of MPP do
      const attested = t.server.protocol === "mpp" && paidNow ? receipt.payment.paymentHash : undefined;
      t.equal(receipt.attested?.reference, attested, "the payment that the server attests");
    },
  };
}

const later = (t) => fetch(`${t.url}/-later?${LATER}`);

const SELLS = [
  {
    name: "buys with one payment",
    async run(t) {
      const buyer = openBuyer(t);
      const { server } = t;
      await buyer.call(server.paths[0], server.bought);
      t.same(buyer.events, ["challenge", "quote", "paying", "paid"]);
      t.equal((await buyer.pay.spent()).total, 10);
      t.equal((await buyer.pay.payments()).length, 1);
    },
  },
  {
    name: "calls again",
    async run(t) {
      const buyer = openBuyer(t);
      const { bought, again, paths } = t.server;
      for (const trace of [bought, ...again]) await buyer.call(paths[0], trace);
    },
  },
  {
    name: "calls for a second resource, and then for both again",
    async run(t) {
      const buyer = openBuyer(t);
      const { bought, other, again, paths, used } = t.server;
      await buyer.call(paths[0], bought);
      await buyer.call(paths[1], other);
      if (used) return;
      await buyer.call(paths[1], again[0]);
      await buyer.call(paths[0], again[0]);
    },
  },
  {
    name: "two calls at once make one payment, or two where a token is good for one request",
    async run(t) {
      const buyer = openBuyer(t);
      const { paths, used } = t.server;
      const responses = await Promise.all([buyer.pay(t.url + paths[0]), buyer.pay(t.url + paths[0])]);
      t.same(
        responses.map(({ status }) => status),
        [200, 200],
      );
      await buyer.paid(used ? 2 : 1);
    },
  },
  {
    name: "a credential that comes again is taken, or refused where it is good for one request",
    async run(t) {
      const buyer = openBuyer(t);
      const { bought, paths, used } = t.server;
      await buyer.call(paths[0], bought);
      const [authorization] = buyer.sent;
      const replayed = await fetch(t.url + paths[0], { headers: { [t.server.field]: authorization } });
      t.equal(replayed.status, used ?? 200, "status of the credential, sent by hand");
      const without = await fetch(t.url + paths[0]);
      t.equal(without.status, 402, "status without a credential");
      await buyer.paid(1);
    },
  },
];

const CHARGES = [
  {
    name: "a charge that has expired by the client's clock is not paid",
    async run(t) {
      const buyer = openBuyer(t, { now: () => Date.now() + LATER * 1000 });
      await t.rejects(buyer.pay(t.url + t.server.paths[0]), "invoice_expired");
      t.same(buyer.requests(), ["- 402"]);
      await buyer.paid(0);
    },
  },
];

/** They move the server's clock on, and so come last. */
const EXPIRE = [
  {
    name: "a token expires: the clocks agree",
    async run(t) {
      let ahead = 0;
      const buyer = openBuyer(t, { now: () => Date.now() + ahead });
      await buyer.call(t.server.paths[0], t.server.bought);
      await later(t);
      ahead = LATER * 1000;
      await buyer.call(t.server.paths[0], t.server.expired.agrees);
    },
  },
  {
    name: "a token expires: the client's clock is behind",
    async run(t) {
      const buyer = openBuyer(t);
      await buyer.call(t.server.paths[0], t.server.bought);
      await later(t);
      await buyer.call(t.server.paths[0], t.server.expired.behind);
    },
  },
];

const UNTOUCHED = [
  {
    name: "an answer with nothing to pay comes back as it is",
    async run(t) {
      const buyer = openBuyer(t);
      const { status, events } = t.server.untouched;
      const plain = await fetch(t.url + t.server.paths[0]);
      const response = await buyer.pay(t.url + t.server.paths[0]);
      t.same([plain.status, response.status], [status, status], "status");
      t.equal(t.pkg.receiptOf(response), undefined, "receipt");
      t.same(buyer.requests(), [`- ${status}`], "requests");
      t.same(buyer.events, events, "events");
      // invoices and times differ from answer to answer
      t.equal((await response.text()).slice(0, 20), (await plain.text()).slice(0, 20), "the start of the body");
      await buyer.paid(0);
    },
  },
];

/** The cases of a server, one after another: they share its clock. */
export function casesFor(server) {
  if (server.untouched) return UNTOUCHED;
  return [...SELLS, ...(server.protocol === "mpp" ? CHARGES : []), ...(server.expired ? EXPIRE : [])];
}
