import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { WebSocket } from "ws";
import { startPaywall } from "../support/paywall.mjs";
import { startWorkers } from "../support/workerd.mjs";
import { openFolder } from "./beside.mjs";
import "./hurry.mjs";
import { CLIENT, openWallet } from "./relay.mjs";
import { check, hides, shopOf } from "./rows.mjs";

const ZEROS = "0".repeat(64);
const OTHER = "11".repeat(32);
const HASH = "ab".repeat(32);
const PREIMAGE = "cd".repeat(32);
const invoice = { paymentRequest: "lnbcrt1invoice", paymentHash: HASH };
const context = { url: "https://a.b/", maxFeeMsat: 5000, signal: new AbortController().signal };

const world = {};
let folder;
let remove;
before(async () => {
  world.paywall = await startPaywall();
  ({ folder, remove } = await openFolder());
  const dist = join(folder, "with/node_modules/l402-fetch/dist");
  world.pkg = await import(join(dist, "node.js"));
  ({ nwc: world.nwc } = await import(join(dist, "wallets/nwc.js")));
});
after(async () => {
  await world.paywall.close();
  await remove();
});

/** Errors like those of the SDK: a code, and a class that only helps if the SDK is at hand. */
const fails = (code, message = code) => {
  throw Object.assign(new Error(message), { code });
};
const notFound = () => fails("NOT_FOUND");

/**
 * Rows: `{ pay, find?, code?, says?, payments?, lookups?, heals? }`. `pay` and `find` are the client's methods. The
 * other members are those of `runRow`.
 */
async function runClient(row) {
  const shop = shopOf(world);
  const seen = { pay: 0, find: 0 };
  const settle = async (paymentRequest) => ({
    preimage: (await shop.settle(paymentRequest, "fee=2000")).preimage,
    fees_paid: 2000,
  });
  const truth = async (hash) => {
    const { state, preimage } = await shop.lookup(hash);
    return state === "paid" ? { type: "outgoing", state: "settled", preimage, fees_paid: 2000 } : notFound();
  };
  let { pay = settle, find = (hash, tell) => tell(hash) } = row;
  const client = {
    payInvoice: async ({ invoice }) => {
      seen.pay++;
      return pay(invoice, () => settle(invoice));
    },
    lookupInvoice: async ({ payment_hash }) => {
      seen.find++;
      return find(payment_hash, truth);
    },
  };
  const paying = shop.client({ wallet: world.nwc(client) });
  const { error, response } = await paying(shop.url("a")).then(
    (response) => ({ response }),
    (error) => ({ error }),
  );
  assert.equal(error?.code, row.code, error?.stack);
  const { payments } = await shop.stats();
  assert.equal(payments, row.payments ?? (row.code ? 0 : 1), "payments");
  if (row.lookups !== undefined) assert.equal(seen.find, row.lookups, "lookups");
  assert.equal(seen.pay, 1);
  if (row.code) check(error, row);
  else assert.equal(world.pkg.receiptOf(response).payment.feeMsat, 2000);
  assert.equal((await paying.spent()).total, { payment_failed: 0, undefined: 12 }[row.code] ?? 10, "sat counted");
  if (!row.code || row.heals === false) return;

  pay = settle;
  find = truth;
  assert.equal((await paying(shop.url("a"))).status, 200);
  await shop.counts({ payments: 1, accepted: 1 });
}

const noAnswer = "reply timeout: event 5";
const rows = {
  paid: { lookups: 0 },
  "paid, in base64": {
    pay: async (_, settle) => {
      const paid = await settle();
      return { ...paid, preimage: Buffer.from(paid.preimage, "hex").toString("base64") };
    },
    lookups: 0,
  },
  "paid without a preimage": {
    pay: async (_, settle) => {
      await settle();
      return {};
    },
    lookups: 1,
  },
  "paid with 64 zeros": { pay: async (_, settle) => ({ ...(await settle()), preimage: ZEROS }), lookups: 1 },
  "paid with 64 zeros, and looked up with 64 zeros": {
    pay: async (_, settle) => ({ ...(await settle()), preimage: ZEROS }),
    find: () => ({ state: "settled", preimage: ZEROS }),
    code: "payment_unknown",
    says: "the wallet says that it has paid, and shows no preimage",
    payments: 1,
  },
  "paid with another preimage": {
    pay: async (_, settle) => ({ ...(await settle()), preimage: OTHER }),
    find: () => ({ state: "pending" }),
    code: "wrong_preimage",
    says: "the wallet's preimage does not hash to the payment hash of the invoice",
    payments: 1,
    lookups: 0,
  },
  ...Object.fromEntries(
    ["INSUFFICIENT_BALANCE", "QUOTA_EXCEEDED", "RESTRICTED", "UNAUTHORIZED"].map((code) => [
      code,
      {
        pay: () => fails(code, "not you"),
        code: "payment_failed",
        says: `the wallet refused: ${code}`,
        causes: "not you",
        lookups: 0,
      },
    ]),
  ),
  ...Object.fromEntries(
    ["PAYMENT_FAILED", "RATE_LIMITED", "NOT_IMPLEMENTED"].map((code) => [
      // Most wallets search only their own invoices. PAYMENT_FAILED also comes before some payments settle.
      `${code}, and not found`,
      { pay: () => fails(code), code: "payment_unknown", says: code, lookups: 1, heals: false },
    ]),
  ),
  "PAYMENT_FAILED, and failed in its records": {
    pay: () => fails("PAYMENT_FAILED"),
    find: () => ({ state: "failed" }),
    code: "payment_failed",
    says: "PAYMENT_FAILED",
    lookups: 1,
  },
  "PAYMENT_FAILED, and paid": {
    pay: async (_, settle) => {
      await settle();
      fails("PAYMENT_FAILED");
    },
    lookups: 1,
  },
  ...Object.fromEntries(
    ["pending", "accepted", undefined].map((state) => [
      `PAYMENT_FAILED, and ${state} in its records`,
      {
        pay: async (_, settle) => {
          await settle();
          fails("PAYMENT_FAILED");
        },
        find: () => ({ state, preimage: ZEROS }),
        code: "payment_unknown",
        says: "PAYMENT_FAILED",
        payments: 1,
        lookups: 1,
      },
    ]),
  ),
  "no answer, paid": {
    pay: async (_, settle) => {
      await settle();
      fails("INTERNAL", noAnswer);
    },
    lookups: 1,
  },
  "no answer, and not found: it may be carried out yet": {
    pay: () => fails("INTERNAL", noAnswer),
    code: "payment_unknown",
    says: noAnswer,
    lookups: 1,
    heals: false,
  },
  "no answer, and failed in its records": {
    pay: () => fails("INTERNAL", noAnswer),
    find: () => ({ state: "failed" }),
    code: "payment_failed",
    says: noAnswer,
    lookups: 1,
  },
  "OTHER, from a client that is not ours": {
    pay: () => fails("OTHER", "Failed to connect to wss://r"),
    code: "payment_unknown",
    says: "Failed to connect to wss://r",
    lookups: 1,
    heals: false,
  },
  "an error without a code": {
    pay: () => {
      throw new Error("broken");
    },
    code: "payment_unknown",
    says: "broken",
    lookups: 1,
    heals: false,
  },
  "no answer, and a record as NIP-47 has it, without a state": {
    pay: async (_, settle) => {
      await settle();
      fails("INTERNAL", noAnswer);
    },
    find: async (hash, tell) => {
      const { state, ...record } = await tell(hash);
      return { ...record, created_at: 1790000000, settled_at: 1790000001 };
    },
    lookups: 1,
  },
  "paid without a preimage, which a record without a state has": {
    pay: async (_, settle) => {
      await settle();
      return { fees_paid: 2000 };
    },
    find: async (hash, tell) => {
      const { preimage, fees_paid } = await tell(hash);
      return { type: "outgoing", preimage, fees_paid };
    },
    lookups: 1,
  },
  "no answer, and settled_at without a preimage": {
    pay: async (_, settle) => {
      await settle();
      fails("INTERNAL", noAnswer);
    },
    find: () => ({ type: "outgoing", settled_at: 1790000001 }),
    code: "payment_unknown",
    says: noAnswer,
    payments: 1,
    lookups: 1,
  },
  ...Object.fromEntries(
    [
      ["INTERNAL", () => fails("INTERNAL")],
      [
        "no code",
        () => {
          throw new Error("x");
        },
      ],
      ["nothing", () => undefined],
      ["an invoice of its own", () => ({ type: "incoming", state: "settled", preimage: OTHER })],
    ].map(([what, find]) => [
      `PAYMENT_FAILED, and a lookup that says ${what}`,
      {
        pay: async (_, settle) => {
          await settle();
          fails("PAYMENT_FAILED");
        },
        find,
        code: "payment_unknown",
        says: "PAYMENT_FAILED",
        payments: 1,
      },
    ]),
  ),
};

describe("nwc: what a client's answers mean", { concurrency: 8 }, () => {
  for (const [title, row] of Object.entries(rows)) test(title, () => runClient(row));
});
describe("nwc: a client", () => {
  test("a payment that is never found may have been paid: it is not paid again, and spent() shows it", async () => {
    const shop = shopOf(world);
    let time = Date.now();
    const client = {
      payInvoice: async ({ invoice }) => {
        await shop.settle(invoice);
        fails("INTERNAL", "reply timeout: event 5");
      },
      lookupInvoice: notFound,
    };
    const pay = shop.client({ wallet: world.nwc(client), now: () => time });
    for (const wait of [0, 60_000, 600_000]) {
      time += wait;
      await assert.rejects(pay(shop.url("a")), { code: "payment_unknown" });
      assert.equal((await pay.spent()).total, 10);
      await shop.counts({ payments: 1 });
    }
    time += 80_000_000;
    assert.equal((await pay.spent()).total, 10);
    assert.equal((await pay.payments())[0].state, "unknown");
  });

  test("PAYMENT_FAILED, NOT_FOUND for five seconds, then settled: paid once", async () => {
    const shop = shopOf(world);
    let time = Date.now();
    let found = notFound;
    const client = {
      payInvoice: async ({ invoice }) => {
        await shop.settle(invoice);
        fails("PAYMENT_FAILED");
      },
      lookupInvoice: async ({ payment_hash }) => found(payment_hash),
    };
    const pay = shop.client({ wallet: world.nwc(client), now: () => time });
    await assert.rejects(pay(shop.url("a")), { code: "payment_unknown" });
    time += 5_000;
    await assert.rejects(pay(shop.url("a")), { code: "payment_unknown" });
    found = async (hash) => ({ type: "outgoing", state: "settled", preimage: await shop.preimage(hash) });
    assert.equal((await pay(shop.url("a"))).status, 200);
    assert.equal((await pay.spent()).total, 10);
    await shop.counts({ payments: 1, accepted: 1 });
  });

  test("the id differs for each wallet and connection, if the client shows them, and hides both", () => {
    const secret = "5".repeat(64);
    const at = (key, secret) => world.nwc(`nostr+walletconnect://${key}?relay=wss%3A%2F%2Fr.example&secret=${secret}`);
    const names = [at(HASH, secret).id, at(PREIMAGE, secret).id, at(HASH, OTHER).id];
    assert.equal(new Set(names).size, 3);
    for (const name of names) assert.match(name, /^nwc-[0-9a-f]{8}$/);
    assert.equal(at(HASH, secret).id, world.nwc({ payInvoice() {}, walletPubkey: HASH, secret }).id);
    assert.equal(world.nwc({ payInvoice() {} }).id, undefined);
  });

  test("the client is asked with the invoice and the hash, and its methods keep their this", async () => {
    const calls = [];
    const client = {
      async payInvoice(args) {
        calls.push(["pay", this === client, args]);
        return { preimage: PREIMAGE };
      },
      async lookupInvoice(args) {
        calls.push(["find", this === client, args]);
        return { state: "settled", preimage: PREIMAGE, fees_paid: 7 };
      },
      async getBalance() {
        calls.push(["balance", this === client]);
        return { balance: 980_500 };
      },
      close() {
        assert.fail("it is not ours to close");
      },
    };
    const wallet = world.nwc(client);
    assert.deepEqual(await wallet.pay(invoice, context), { preimage: PREIMAGE });
    assert.deepEqual(await wallet.lookup(HASH), { state: "paid", preimage: PREIMAGE, feeMsat: 7 });
    assert.equal(await wallet.balanceMsat(), 980_500);
    assert.deepEqual(calls, [
      ["pay", true, { invoice: "lnbcrt1invoice" }],
      ["find", true, { payment_hash: HASH }],
      ["balance", true],
    ]);
  });

  test("the wallet lacks the methods that the client lacks", () => {
    assert.deepEqual(Object.keys(world.nwc({ payInvoice() {} })), ["pay"]);
    assert.deepEqual(Object.keys(world.nwc({ payInvoice() {}, lookupInvoice() {} })), ["pay", "lookup", "received"]);
    assert.deepEqual(Object.keys(world.nwc({ payInvoice() {}, makeInvoice() {} })), ["pay", "makeInvoice"]);
  });

  test("an invoice of the wallet's own with this hash says nothing of a payment, whatever its state", async () => {
    for (const state of ["failed", "settled", "pending"]) {
      const wallet = world.nwc({
        payInvoice() {},
        lookupInvoice: async () => ({ type: "incoming", state, preimage: PREIMAGE }),
      });
      await assert.rejects(wallet.lookup(HASH), {
        message: "the wallet has an invoice with this hash, and no payment",
      });
    }
  });

  test("a lookup that blocks is cut off and is no answer", async () => {
    const wallet = world.nwc({ payInvoice() {}, lookupInvoice: () => new Promise(() => {}) });
    await assert.rejects(wallet.lookup(HASH), { name: "TimeoutError" });
  });

  test("the SDK's error about an answer, which holds the preimage, is not handed on", async () => {
    const wallet = world.nwc({
      payInvoice() {},
      lookupInvoice: async () => fails("INTERNAL", `response from NWC failed validation: {"preimage":"${PREIMAGE}"}`),
      getBalance: async () => ({}),
    });
    const error = await wallet.lookup(HASH).catch((error) => error);
    assert.equal(error.message, "the wallet does not look payments up (no answer)");
    hides(PREIMAGE, error);
    await assert.rejects(wallet.balanceMsat(), { message: "the wallet does not tell its balance" });
  });

  test("a value that is no connection is refused at once, and not shown", () => {
    const secret = "5".repeat(64);
    const bad = [
      undefined,
      null,
      5,
      "",
      {},
      [],
      { payInvoice: 5 },
      `https://a.b/?secret=${secret}`,
      "nostr+walletconnect://",
      `nostr+walletconnect://${HASH}?secret=${secret}`,
      `nostr+walletconnect://${HASH}?relay=https%3A%2F%2Fr&secret=${secret}`,
      `nostr+walletconnect://${HASH}?relay=wss%3A%2F%2Fr`,
    ];
    for (const connection of bad) {
      assert.throws(
        () => world.nwc(connection),
        (error) => {
          hides(secret, error);
          return (
            error instanceof world.pkg.L402Error &&
            error.code === "invalid_options" &&
            /^nwc: connection must be /.test(error.message)
          );
        },
      );
    }
  });
});

describe("nwc: a connection string, through the SDK and a relay", () => {
  let console_;
  // The SDK prints every step on the console.
  before(() => {
    globalThis.WebSocket ??= WebSocket;
    console_ = { ...console };
    for (const level of ["log", "info", "warn", "error", "debug"]) console[level] = () => {};
  });
  after(() => Object.assign(console, console_));

  async function open(t, ...args) {
    const opened = await openWallet(...args);
    t.after(() => opened.close());
    return opened;
  }

  test("pays, looks up, tells its balance, and leaves no connection open", async (t) => {
    const shop = shopOf(world);
    const { relay, connection } = await open(t, {
      payInvoice: async ({ invoice }) => ({
        result: { preimage: (await shop.settle(invoice, "fee=2000")).preimage, fees_paid: 2000 },
      }),
      lookupInvoice: async ({ payment_hash }) => {
        const { state, preimage } = await shop.lookup(payment_hash);
        return state === "paid"
          ? {
              result: {
                type: "outgoing",
                state: "settled",
                invoice: "lnbcrt1",
                preimage,
                payment_hash,
                fees_paid: 2000,
              },
            }
          : { error: { code: "NOT_FOUND", message: "not found" } };
      },
      getBalance: async () => ({ result: { balance: 980_500 } }),
    });
    const wallet = world.nwc(connection);
    hides(CLIENT, wallet);
    const pay = shop.client({ wallet });
    const response = await pay(shop.url("a"));
    assert.equal(response.status, 200);
    const { payment } = world.pkg.receiptOf(response);
    assert.equal(payment.feeMsat, 2000);
    assert.deepEqual(await wallet.lookup(payment.paymentHash), {
      state: "paid",
      preimage: await shop.preimage(payment.paymentHash),
      feeMsat: 2000,
    });
    assert.deepEqual(await wallet.lookup(HASH), { state: "not_found" });
    assert.equal(await pay.balanceMsat(), 980_500);
    await relay.connections(1); // the service's own
    await shop.counts({ payments: 1, accepted: 1 });
  });

  test("a wallet's refusal is certain, and any other error of the wallet is looked up at once", async (t) => {
    const errors = [
      ["QUOTA_EXCEEDED", "budget"],
      ["INTERNAL", "database"],
    ];
    const shop = shopOf(world);
    const { connection } = await open(t, {
      payInvoice: async () => {
        const [code, message] = errors.shift();
        return { error: { code, message } };
      },
      lookupInvoice: async () => ({ error: { code: "NOT_FOUND", message: "not found" } }),
    });
    const pay = shop.client({ wallet: world.nwc(connection) });
    for (const [code, spent] of [
      ["payment_failed", 0],
      ["payment_unknown", 10],
    ]) {
      const error = await pay(shop.url("a")).then(assert.fail, (error) => error);
      assert.equal(error.code, code);
      assert.equal((await pay.spent()).total, spent);
      hides(CLIENT, error, shop.events);
    }
    await shop.counts({ payments: 0 });
  });

  test("a relay that passes requests on and acknowledges none: the SDK gives up, and the lookup finds the payment", async (t) => {
    const shop = shopOf(world);
    const { relay, connection } = await open(t, {
      // The wallet pays, and its answer never comes.
      payInvoice: async ({ invoice }) => {
        await shop.settle(invoice);
        return new Promise(() => {});
      },
      lookupInvoice: async ({ payment_hash }) => {
        const { preimage } = await shop.lookup(payment_hash);
        return { result: { type: "outgoing", state: "settled", invoice: "lnbcrt1", preimage, payment_hash } };
      },
    });
    relay.acknowledges = false;
    const pay = shop.client({ wallet: world.nwc(connection) });
    assert.equal((await pay(shop.url("a"))).status, 200);
    await shop.counts({ payments: 1, accepted: 1 });
  });

  test("without a relay, or a wallet announced there, it is certain that nothing was sent", async (t) => {
    const { relay, connection } = await open(t, {}, { announced: false });
    const wallet = world.nwc(connection);
    assert.equal(
      (await wallet.pay(invoice, context)).failed,
      "the wallet could not be asked: no info event (kind 13194) returned from relay",
    );
    await relay.close();
    const { failed, cause } = await wallet.pay(invoice, context);
    assert.equal(failed, `the wallet could not be asked: Failed to connect to ${relay.url}`);
    hides(CLIENT, failed, cause);
    await assert.rejects(wallet.lookup(HASH), { message: failed });
  });
});

describe("nwc: in a Worker", () => {
  test("one wallet serves many requests, each with its own connection", async (t) => {
    const { connection, close } = await openWallet({
      payInvoice: async ({ invoice }) => ({ result: { preimage: PREIMAGE, fees_paid: invoice.length } }),
      getBalance: async () => ({ result: { balance: 980_500 } }),
    });
    t.after(close);
    const workers = join(folder, "with/workers");
    await mkdir(workers);
    await writeFile(
      join(workers, "nwc.js"),
      `
      import { nwc } from "l402-fetch/wallets/nwc";
      const wallet = nwc(${JSON.stringify(connection)});
      export default {
        async fetch() {
          const paid = await wallet.pay(${JSON.stringify(invoice)}, {});
          return Response.json([paid, await wallet.balanceMsat()]);
        },
      };
    `,
    );
    const { urls, close: stop } = await startWorkers(workers);
    t.after(() => stop());
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await (await fetch(urls.nwc)).json(), [
        { preimage: PREIMAGE, feeMsat: invoice.paymentRequest.length },
        980_500,
      ]);
    }
  });
});

describe("nwc: what it needs", () => {
  const script = `
    import { nwc } from "l402-fetch/wallets/nwc";
    if (process.argv[2]) globalThis.WebSocket = class {};
    else delete globalThis.WebSocket;
    const wallet = nwc("nostr+walletconnect://${HASH}?relay=wss%3A%2F%2Frelay.example.com&secret=${PREIMAGE}");
    const answer = await wallet.pay({ paymentRequest: "lnbcrt1", paymentHash: "${HASH}" }, {});
    console.log(answer.failed);
  `;
  const run = async (place, ...args) => {
    const file = join(folder, place, "script.mjs");
    await writeFile(file, script);
    return (await promisify(execFile)(process.execPath, [file, ...args])).stdout.trim();
  };

  test("without the SDK it says what to install, and nothing was paid", async () => {
    assert.equal(await run("without", "socket"), "nwc needs the package @getalby/sdk: npm i @getalby/sdk");
  });

  test("without a WebSocket it says what to do, and nothing was paid", async () => {
    assert.equal(
      await run("with"),
      "nwc needs a global WebSocket: use Node 22, or set globalThis.WebSocket to that of the package ws",
    );
  });
});
