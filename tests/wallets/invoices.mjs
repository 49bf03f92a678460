// Tests for every wallet module that speaks HTTP, in any wire format: the invoices that it makes, and what comes in.
import assert from "node:assert/strict";
import { hold } from "./hurry.mjs";
import { hides } from "./rows.mjs";
import { cut, endless, huge, json, openStandIn, page, redirect, silent, text, truncated } from "./stand-in.mjs";

const HASH = "ab".repeat(32);
const MONTH = 30 * 24 * 60 * 60;
const order = (more) => ({ amountMsat: 21_000, description: "ünï refund", expirySeconds: MONTH, ...more });

/** The time that a wallet has to make one. */
const INVOICE_TIMEOUT = 20_000;

/** Opens a stand-in with these answers, and the wallet that asks it. */
const opener =
  (kit) =>
  async (t, { make, came } = {}) => {
    const server = await openStandIn();
    t.after(() => server.close());
    if (make) server.on(kit.invoices.routes.make, make);
    if (came) server.on(kit.invoices.routes.came, came);
    return { server, wallet: kit.open(server.url) };
  };

/** Tests that end the time of every invoice that is being made, so they run alone. */
export const slowInvoices = (kit) => ({
  async "it is given up, and its request with it"(t) {
    for (const answer of [silent(), endless(kit.ok, "{")]) {
      const held = hold(INVOICE_TIMEOUT);
      const { server, wallet } = await opener(kit)(t, { make: () => answer });
      const making = wallet.makeInvoice(order());
      await server.until((seen) => seen.length > 0);
      held.release();
      await assert.rejects(making, { name: "TimeoutError", message: "the wallet gave no answer within 20 s" });
    }
  },
});

/**
 * `kit.invoices` holds the parts that differ between wallets:
 *
 * - `routes`: `{ make, came }`, each "METHOD /path"
 * - `order(amountMsat)`: the parameters of a request, without a label; null if the wallet can't make such an invoice
 * - `made(invoice)`: the answer that has it, and `says`: the module's words for any other answer, `[make, came]`
 * - `hash(asked)`: the hash that was asked for
 * - `came(msat)`: the answer when so much has come in, and `waiting`: others that mean 0, `foreign`: that mean null
 * - `refused`: `{ answer, make, came }`, an answer and what is said of it
 * - `ok`: the status of a success there, if it is not `kit.ok`
 * - `odd`: answers that are no answer to `received`
 */
export function invoices(kit) {
  const { name, invoices: its } = kit;
  const open = opener(kit);
  const credential = ({ headers }) => {
    for (const [header, value] of Object.entries(kit.headers())) assert.equal(headers[header], value);
  };

  return {
    async "an invoice is asked for with its amount, or without one, its description and its expiry"(t) {
      const { server, wallet } = await open(t, { make: () => its.made("lnbcrt1made") });
      for (const amountMsat of [21_000, null]) {
        const expected = its.order(amountMsat);
        const before = server.seen.length;
        const making = wallet.makeInvoice(order({ amountMsat }));
        if (!expected) {
          await assert.rejects(making, {
            name: "TypeError",
            message: `${name} makes no invoice without an amount: sessions need another wallet`,
          });
          assert.equal(server.seen.length, before, "requests");
          continue;
        }
        assert.equal(await making, "lnbcrt1made");
        const asked = server.seen.at(-1);
        credential(asked);
        const { label, ...rest } = kit.read(asked);
        assert.deepEqual(rest, expected);
        if (name === "cln") assert.match(label, /^l402-fetch(-\d+){4}$/);
      }
      const labels = server.seen.map((asked) => kit.read(asked).label).filter(Boolean);
      assert.equal(new Set(labels).size, labels.length, "labels are unique");
    },

    async "an amount below a whole satoshi is asked for as it is, or refused"(t) {
      const { server, wallet } = await open(t, { make: () => its.made("lnbcrt1made") });
      const making = wallet.makeInvoice(order({ amountMsat: 21_500 }));
      if (its.order(21_500)) {
        assert.equal(await making, "lnbcrt1made");
        return;
      }
      await assert.rejects(making, {
        name: "TypeError",
        message: `${name} makes invoices of whole satoshis only, and not of 21500 msat`,
      });
      assert.deepEqual(server.seen, []);
    },

    async "a refusal is told in the wallet's own words, with what to do"(t) {
      const { answer, make, came } = its.refused;
      const { wallet } = await open(t, { make: () => answer, came: () => answer });
      await assert.rejects(wallet.makeInvoice(order()), { message: make });
      await assert.rejects(wallet.received(HASH), { message: came });
    },

    async "an answer without an invoice is an error"(t) {
      const [says] = its.says;
      for (const answer of [its.made("nope"), its.made(null), its.made({ ln: 1 }), json(kit.ok, {}), json(kit.ok, [])])
        await assert.rejects((await open(t, { make: () => answer })).wallet.makeInvoice(order()), {
          message: `${name} ${says} (status ${kit.ok})`,
        });
    },

    async "a web page, an answer that breaks off or has no bound, and a redirect are errors"(t) {
      for (const [answer, says] of [
        [page, / answered with something that is not its JSON .*a web page: is this the API's url\?$/],
        [() => page(502), / \(status 502\)$/],
        [() => text(429, "slow down"), / \(status 429\): slow down$/],
        [(ok) => truncated(ok, '{"bolt11":"lnbc'), / broke off its answer /],
        [huge, / sent too long an answer /],
        [() => cut(), / could not be reached \(UND_ERR_SOCKET\)$/],
        [() => redirect("https://elsewhere.example/"), /a redirect, which is not followed: give the url it leads to$/],
      ]) {
        const { wallet } = await open(t, { make: () => answer(kit.ok), came: () => answer(its.ok ?? kit.ok) });
        for (const ask of [() => wallet.makeInvoice(order()), () => wallet.received(HASH)])
          await assert.rejects(ask(), ({ message }) => message.startsWith(`${name} `) && says.test(message));
      }
    },

    async "an unreachable host is named"(t) {
      const { server, wallet } = await open(t);
      await server.close();
      const message = `${name} at ${server.url} could not be reached (ECONNREFUSED)`;
      await assert.rejects(wallet.makeInvoice(order()), { message });
      await assert.rejects(wallet.received(HASH), { message });
    },

    async "what came in is 0 at first, and then the amount"(t) {
      const answers = { came: its.came(0) };
      const { server, wallet } = await open(t, { came: () => answers.came });
      for (const [answer, msat] of [
        ...[its.came(0), ...its.waiting].map((answer) => [answer, 0]),
        [its.came(12_000), 12_000],
        ...its.foreign.map((answer) => [answer, null]),
      ]) {
        answers.came = answer;
        assert.equal(await wallet.received(HASH.toUpperCase()), msat);
        credential(server.seen.at(-1));
        assert.equal(its.hash(server.seen.at(-1)), HASH);
      }
    },

    async "an answer that does not tell what came in is an error"(t) {
      const [, says] = its.says;
      for (const answer of its.odd)
        await assert.rejects((await open(t, { came: () => answer })).wallet.received(HASH), ({ message }) =>
          message.startsWith(`${name} ${says} (status `),
        );
      const { server, wallet } = await open(t);
      for (const bad of ["", "abc", `${HASH}00`, "../../getinfo"])
        await assert.rejects(wallet.received(bad), {
          name: "TypeError",
          message: "paymentHash must be 64 hex digits",
        });
      assert.deepEqual(server.seen, []);
    },

    async "what came in is asked for no longer than 8 s"(t) {
      const { wallet } = await open(t, { came: () => silent() });
      await assert.rejects(wallet.received(HASH), {
        name: "TimeoutError",
        message: "the wallet gave no answer within 8 s",
      });
    },

    async "the credential shows nowhere, even if the server repeats it"(t) {
      const secrets = [kit.secret].flat();
      const words = `no good: ${secrets.join(" ")}`;
      for (const answer of [json(500, { code: 2, message: words, detail: words }), text(500, words)]) {
        const { wallet } = await open(t, { make: () => answer, came: () => answer });
        for (const ask of [() => wallet.makeInvoice(order()), () => wallet.received(HASH)])
          hides(kit.secret, await ask().then(assert.fail, (error) => error));
      }
    },
  };
}
