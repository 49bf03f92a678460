// One row of a wallet's table: the wallet's answer and the expected outcome. In the end one payment was made.
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { openShop } from "../runtimes/shop.js";
import { hold } from "./hurry.mjs";
import { openStandIn } from "./stand-in.mjs";

const OPEN = ": the amount stays reserved, and nothing more is paid here until a lookup or resolve() settles it";
const LOST = "the wallet failed and nobody can tell whether it paid";
const LATE = "the wallet did not answer in time; a later answer is recorded";
const BOOKS = "the wallet did not pay, as its own records say";

/** A new shop at the paywall, for a `createFetch` of the package. */
export function shopOf({ pkg, paywall }) {
  return openShop({
    pkg,
    base: paywall.base,
    other: paywall.other,
    runtime: "wallets",
    same: assert.deepEqual,
    equal: assert.equal,
  });
}

/**
 * A wallet module, its stand-in and a shop. `kit` holds the parts that differ between wallets:
 *
 * - `name`, `secret`, `open(url)`: the module's Wallet with that secret
 * - `routes`: `{ pay, find, balance }`, each "METHOD /path"
 * - `invoice(asked)`: the invoice in a request to pay
 * - `paid(proof)`: the answer of `pay` after it has paid
 * - `found`: `{ paid(proof), pending(), failed(), none() }`, the answers of `find`
 */
export async function openKit(world, kit, tls) {
  const server = await openStandIn(tls);
  const shop = shopOf(world);
  /** Pays at the paywall: `{ invoice, hash, preimage, feeMsat, amountMsat }`. */
  const settle = async (asked) => {
    const invoice = kit.invoice(asked);
    const { preimage } = await shop.settle(invoice, "fee=2000");
    const { paymentHash: hash } = await world.pkg.decodeInvoice(invoice);
    return { invoice, hash, preimage, feeMsat: 2000, amountMsat: 10_000 };
  };
  const good = async (asked) => kit.paid(await settle(asked));
  /** The answer of `find` from the paywall's records: the invoice was paid, or is unknown. */
  const truth = async ({ path, body }) => {
    const hash = kit.hash({ path, body });
    const { state, preimage } = await shop.lookup(hash);
    return state === "paid"
      ? kit.found.paid({ hash, preimage, feeMsat: 2000, amountMsat: 10_000 })
      : kit.found.none({ hash });
  };
  server.on(kit.routes.pay, good).on(kit.routes.find, truth);
  const asked = (route) =>
    server.seen.filter(({ method, path }) => {
      const [wanted, place] = kit.routes[route].split(" ");
      return method === wanted && (place.endsWith("*") ? path.startsWith(place.slice(0, -1)) : path === place);
    });
  return { server, shop, settle, good, truth, asked, wallet: kit.open(server.url), close: () => server.close() };
}

/**
 * Runs a row: `{ pay, find?, code?, says?, timeout?, asked?, lookups?, payments?, heals?, later?, tls? }`.
 *
 * `pay` and `find` get `({ asked, settle })` and return an answer of the stand-in. Without a `code` the call must
 * succeed. `says` is the exact text of the wallet's error, or a function of the stand-in's url. With `timeout` the
 * wallet's time is over once it has begun to answer, and there is no such error. In every case the secret shows
 * nowhere, and every payment that may have been made is counted. Then the wallet works again, and `later` has passed:
 * the next call must succeed, with one payment made in all.
 */
export async function runRow(world, kit, row) {
  const it = await openKit(world, kit, row.tls);
  try {
    const { server, shop, settle } = it;
    const held = row.timeout && hold();
    const rig = (route, answer, answered = () => {}) =>
      answer &&
      server.on(kit.routes[route], async (asked) => {
        const write = await answer({ asked, settle: () => settle(asked) });
        return (response) => {
          write(response);
          answered();
        };
      });
    rig("pay", row.pay, () => held?.release());
    rig("find", row.find);
    const pay = shop.client({ wallet: it.wallet, ...(held && { paymentTimeout: held.milliseconds }) });
    const url = shop.url("a");

    const outcome = await pay(url).then(
      (response) => ({ response }),
      (error) => ({ error }),
    );
    const { payments } = await shop.stats();
    assert.equal(payments, row.payments ?? (row.code ? 0 : 1), "payments at the shop");
    assert.equal(it.asked("pay").length, row.asked ?? 1, "times the wallet was asked to pay");
    if (row.lookups !== undefined) assert.equal(it.asked("find").length, row.lookups, "lookups");
    if (!row.code) {
      assert.equal(outcome.error, undefined);
      assert.equal(outcome.response.status, 200);
      const { payment } = world.pkg.receiptOf(outcome.response);
      assert.equal(payment.state, "paid");
      assert.equal(payment.feeMsat, 2000);
    } else {
      const { error } = outcome;
      assert.equal(error?.code, row.code, error?.stack ?? "the call succeeded");
      check(error, row, server.url);
      assert.equal(error.payment.state, row.code === "payment_failed" ? "failed" : "unknown");
    }
    assert.equal((await pay.spent()).total, { payment_failed: 0, undefined: 12 }[row.code] ?? 10, "sat counted");
    hides(kit.secret, outcome.error, shop.events, it.wallet);
    if (!row.code || row.heals === false) return;

    // The wallet works again.
    server.on(kit.routes.pay, it.good).on(kit.routes.find, it.truth);
    await row.later?.();
    assert.equal((await pay(url)).status, 200, "the next call");
    await shop.counts({ payments: 1, accepted: 1 });
    assert.equal((await pay.spent()).total, 12, "sat counted in the end");
  } finally {
    await it.close();
  }
}

/** Asserts the exact texts of a row's error. `causes` is the text of the wallet's own error, if it is not `says`. */
export function check(error, row, url) {
  const { code, timeout } = row;
  const says = typeof row.says === "function" ? row.says(url) : row.says;
  if (timeout) {
    // The wallet's signal fires at the moment when the core's own time is over. Either may come first.
    const first = "cause" in error ? LOST : LATE;
    assert.equal(error.message, code === "payment_failed" ? BOOKS : first + OPEN);
    if ("cause" in error) assert.equal(error.cause.message, "the wallet took too long");
  } else if (code === "payment_failed") {
    assert.ok([`the wallet did not pay: ${says}`, BOOKS].includes(error.message), error.message);
    if (error.message === BOOKS || "cause" in error) assert.equal(error.cause.message, row.causes ?? says);
  } else if (code === "payment_unknown") {
    assert.equal(error.message, LOST + OPEN);
    assert.equal(error.cause.message, says);
  } else assert.equal(error.message, says);
}

/** Asserts that no printable text holds the secret. */
export function hides(secret, ...things) {
  for (const thing of things) {
    for (const shown of [
      inspect(thing, { depth: 12, showHidden: true }),
      String(thing?.stack),
      JSON.stringify(thing) ?? "",
    ]) {
      for (const form of [secret].flat()) assert.ok(!shown.includes(form), `a secret shows in ${shown}`);
    }
  }
}
