// All tests of one wallet module that speaks HTTP: its own table, and the tests that all modules share.
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { at } from "../../scripts/lib.mjs";
import { startPaywall } from "../support/paywall.mjs";
import "./hurry.mjs";
import { invoices, slowInvoices } from "./invoices.mjs";
import { manners } from "./manners.mjs";
import { runRow } from "./rows.mjs";
import { cut, empty, endless, huge, page, silent, text, truncated } from "./stand-in.mjs";

const ZEROS = "0".repeat(64);
const OTHER = "11".repeat(32);
const base64 = (hex) => Buffer.from(hex, "hex").toString("base64");
const base64url = (hex) => Buffer.from(hex, "hex").toString("base64url");

/**
 * @param kit the members that `openKit` needs, and
 *   - `options(url)`: the options of the module, and `key`: the name of the one that holds the credential
 *   - `headers()`: the headers that carry the credential
 *   - `read(asked)`: the parameters of a request, and `order`: those of a request to pay, without the invoice
 *   - `badSecrets`: texts that can't be its credential
 *   - `ok`: the status of a success
 *   - `refused`: `{ answer, says }` for a wrong credential, at a payment and at a lookup
 *   - `limited`: `{ answer, says }` of its rate limit
 *   - `balance`: `[answer, msat]`
 *   - `late`: a lost request may still be carried out for this many milliseconds
 *   - `invoices`: how it makes invoices, as `invoices.mjs` takes it
 *   - `mute`: its error for an empty answer, if that differs from the common one
 * @param rows the module's own table, for `runRow`
 */
export function suite(kit, rows) {
  const { name, ok } = kit;
  const world = {};
  before(async () => {
    world.paywall = await startPaywall();
    world.pkg = await import(at("dist/node.js"));
    const module = await import(at(`dist/wallets/${name}.js`));
    kit.module = module[name];
    kit.open = (url, more) => kit.module({ ...kit.options(url), ...more });
  });
  after(() => world.paywall.close());

  const paid = (settle) => settle().then((proof) => kit.paid(proof));
  // A lost request. The wallet's records know nothing of it.
  const neverBegun = kit.late ? { code: "payment_unknown", late: true } : { code: "payment_failed" };
  const unclear = (what) => `${name} ${what} (status ${ok})`;

  const common = {
    paid: { pay: ({ settle }) => paid(settle), lookups: 0 },
    "paid, with the preimage in upper case": {
      pay: async ({ settle }) => {
        const proof = await settle();
        return kit.paid({ ...proof, preimage: proof.preimage.toUpperCase() });
      },
      lookups: 0,
    },
    "paid, with the preimage in base64": {
      pay: async ({ settle }) => {
        const proof = await settle();
        return kit.paid({ ...proof, preimage: base64(proof.preimage) });
      },
      lookups: 0,
    },
    "paid, with the preimage in base64url": {
      pay: async ({ settle }) => {
        const proof = await settle();
        return kit.paid({ ...proof, preimage: base64url(proof.preimage) });
      },
      lookups: 0,
    },
    "paid without a preimage, which the lookup has": {
      pay: async ({ settle }) => kit.paid({ ...(await settle()), preimage: null }),
    },
    "paid with 64 zeros, which the lookup does not better": {
      pay: async ({ settle }) => kit.paid({ ...(await settle()), preimage: ZEROS }),
      find: async ({ asked }) =>
        kit.found.paid({ hash: kit.hash(asked), preimage: ZEROS, feeMsat: 2000, amountMsat: 10_000 }),
      code: "payment_unknown",
      says: `${name} says that it has paid, and shows no preimage`,
      payments: 1,
    },
    "paid with another payment's preimage": {
      pay: async ({ settle }) => kit.paid({ ...(await settle()), preimage: OTHER }),
      find: ({ asked }) => kit.found.pending({ hash: kit.hash(asked) }),
      code: "wrong_preimage",
      says: "the wallet's preimage does not hash to the payment hash of the invoice",
      payments: 1,
      lookups: 0,
    },

    "a wrong credential": {
      pay: () => kit.refused.answer,
      find: () => kit.refused.answer,
      code: "payment_failed",
      says: kit.refused.says,
      lookups: 0,
    },
    "a rate limit": { pay: () => kit.limited.answer, code: "payment_failed", says: kit.limited.says, lookups: 0 },
    "a proxy's rate limit": {
      pay: () => page(429),
      code: "payment_failed",
      says: `${name} refused (status 429)`,
      lookups: 0,
    },
    "a path where no API is": {
      pay: () => page(404),
      code: "payment_failed",
      says: `${name} refused (status 404)`,
      lookups: 0,
    },
    "a proxy that wants another password": {
      pay: () => page(401),
      code: "payment_failed",
      says: `${name} refused (status 401)`,
      lookups: 0,
    },
    "a self-signed certificate": {
      tls: true,
      asked: 0,
      code: "payment_failed",
      says: (url) => `${name} at ${url} could not be reached (DEPTH_ZERO_SELF_SIGNED_CERT)`,
      lookups: 0,
      heals: false,
    },

    "a web page in place of JSON": {
      pay: () => page(ok),
      find: () => page(ok),
      code: "payment_unknown",
      says: `${unclear("answered with something that is not its JSON")}: a web page: is this the API's url?`,
      late: true,
    },
    "a web page, after it was paid": {
      pay: async ({ settle }) => {
        await settle();
        return page(ok);
      },
    },
    "JSON that is no object": {
      pay: () => text(ok, "7", "application/json"),
      ...neverBegun,
      says: unclear("answered with something that is not its JSON"),
    },
    "an empty answer": {
      pay: () => empty(ok),
      ...neverBegun,
      says: kit.mute ?? unclear("answered with something that is not its JSON"),
    },
    "a gateway's error page, never begun": {
      pay: () => page(502),
      ...neverBegun,
      says: `${name} did not say what became of the payment (status 502)`,
    },
    "a gateway's timeout, after it was paid": {
      pay: async ({ settle }) => {
        await settle();
        return page(504);
      },
    },
    "an answer that breaks off, never begun": {
      pay: () => truncated(ok, '{"result":{"status":"SUCC'),
      ...neverBegun,
      says: unclear("broke off its answer"),
    },
    "an answer that breaks off, paid": {
      pay: async ({ settle }) => {
        await settle();
        return truncated(ok, '{"result":{"status":"SUCC');
      },
    },
    "a connection that breaks off, never begun": {
      pay: () => cut(),
      ...neverBegun,
      says: (url) => `${name} at ${url} could not be reached (UND_ERR_SOCKET)`,
    },
    "a connection that breaks off, paid": {
      pay: async ({ settle }) => {
        await settle();
        return cut();
      },
    },
    "an answer that never ends, never begun": {
      pay: () => endless(ok, '{"result":'),
      ...neverBegun,
      timeout: true,
    },
    "an answer that never ends, paid": {
      pay: async ({ settle }) => {
        await settle();
        return endless(ok, '{"result":');
      },
      timeout: true,
    },
    "an answer without any bound": {
      pay: () => huge(ok),
      ...neverBegun,
      says: unclear("sent too long an answer"),
    },
    "no answer at all, paid": {
      pay: async ({ settle }) => {
        await settle();
        return silent();
      },
      timeout: true,
    },
    "no answer at all, and a lookup that blocks": {
      pay: async ({ settle }) => {
        await settle();
        return silent();
      },
      find: () => silent(),
      code: "payment_unknown",
      timeout: true,
      payments: 1,
    },

    "lost, and looked up as pending": {
      pay: async ({ settle }) => {
        await settle();
        return cut();
      },
      find: ({ asked }) => kit.found.pending({ hash: kit.hash(asked) }),
      code: "payment_unknown",
      says: (url) => `${name} at ${url} could not be reached (UND_ERR_SOCKET)`,
      payments: 1,
    },
    "lost, and looked up as failed": {
      pay: () => cut(),
      find: ({ asked }) => kit.found.failed({ hash: kit.hash(asked) }),
      ...neverBegun,
      says: (url) => `${name} at ${url} could not be reached (UND_ERR_SOCKET)`,
    },
    "lost, and the lookup turned away": {
      pay: async ({ settle }) => {
        await settle();
        return cut();
      },
      find: () => kit.refused.answer,
      code: "payment_unknown",
      says: (url) => `${name} at ${url} could not be reached (UND_ERR_SOCKET)`,
      payments: 1,
    },
    "lost, and a web page that knows nothing: no answer of the wallet's records": {
      pay: async ({ settle }) => {
        await settle();
        return cut();
      },
      find: () => page(404),
      code: "payment_unknown",
      says: (url) => `${name} at ${url} could not be reached (UND_ERR_SOCKET)`,
      payments: 1,
    },
  };

  const all = Object.entries({ ...common, ...rows });
  const late = all.filter(([, row]) => row.late);
  // All tests share the clock. It moves when every test has reached this point.
  const meeting = new Meeting(late.length, () => {
    const { now } = Date;
    Date.now = () => now() + (kit.late ?? 0);
  });
  const run = (row) => async () => {
    const tls = row.tls && (await selfSigned());
    try {
      await runRow(world, kit, { ...row, tls, ...(row.late && { later: () => meeting.arrive() }) });
    } finally {
      if (row.late) meeting.leave();
    }
  };
  describe(`${name}: what its answers mean`, { concurrency: 6 }, () => {
    for (const [title, row] of all) if (!row.late) test(title, run(row));
  });
  describe(`${name}: its manners`, { concurrency: 6 }, () => {
    for (const [title, run] of Object.entries(manners(world, kit))) test(title, run);
  });
  describe(`${name}: its own invoices`, { concurrency: 6 }, () => {
    for (const [title, run] of Object.entries(invoices(kit))) test(title, run);
  });
  describe(`${name}: an invoice that takes too long`, () => {
    for (const [title, run] of Object.entries(slowInvoices(kit))) test(title, run);
  });
  describe(`${name}: a request that may still be carried out`, { concurrency: late.length }, () => {
    for (const [title, row] of late) test(title, run(row));
  });
}

/** A point where this many tests wait for each other. A test that ends before it does not count. */
class Meeting {
  constructor(size, start) {
    this.left = size;
    this.here = 0;
    this.started = new Promise((begin) => {
      this.begin = () => {
        this.begin = () => {};
        start();
        begin();
      };
    });
  }

  arrive() {
    this.here++;
    this.check();
    return this.started;
  }

  leave() {
    this.left--;
    this.check();
  }

  check() {
    if (this.here >= this.left) this.begin();
  }
}

const selfSigned = async () => {
  const pem = await readFile(new URL("self-signed.pem", import.meta.url));
  return { key: pem, cert: pem };
};
