// Sessions of MPP: what pays them, lists them and closes them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openWorld } from "./world.mjs";

let world;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

/** 10 sat a unit, and a deposit of 20. The request that opens a session costs nothing at this shop. */
const SESSION = "scheme=session&deposit=2";

/** Runs it to a good end. Gives standard output. */
async function good(user, ...args) {
  const { code, out, err } = await user.run(args);
  assert.deepEqual([code, err], [0, ""]);
  return out;
}

test("a deposit is paid once, drawn on by later runs, listed and closed; what comes back was not spent", async () => {
  const user = await world.user();
  const url = user.url("a", SESSION);
  const { origin } = new URL(url);
  const buy = async () => JSON.parse(await good(user, "--json", "--max-deposit", "100", url)).paid;
  const first = await buy();
  assert.deepEqual([first.paidNow, first.amountSat, first.protocol], [true, 20, "mpp"]);
  assert.equal((await buy()).paidNow, false);
  assert.equal((await user.stats()).payments, 1);

  const [session] = JSON.parse(await good(user, "sessions", "--json"));
  assert.deepEqual(
    [session.origin, session.sessionId, session.depositMsat, session.unitMsat],
    [origin, first.paymentHash, 20_000, 10_000],
  );
  const id = first.paymentHash.slice(0, 12);
  const opened = new Date(session.openedAt * 1000).toISOString().slice(0, 16).replace("T", " ");
  assert.equal(
    await good(user, "sessions"),
    `opened (UTC)      deposit  price  of a  session       origin\n${opened}       20     10  unit  ${id}  ${origin}\n`,
  );
  assert.equal(await good(user, "close", "https://other.example"), "no session was open\n");
  assert.equal(
    await good(user, "close", url),
    `session       deposit  refund  received  by the server  origin\n${id}       20      10        10  succeeded      ${origin}\n`,
  );
  assert.equal(await good(user, "sessions"), "no session is open\n");
  assert.deepEqual(JSON.parse(await good(user, "close", "--json")), []);
  assert.equal(JSON.parse(await good(user, "spent", "--json")).spent.total, 10);
  assert.equal((await user.stats()).payments, 1);
});

test("without the option or the setting no session is paid; the option lowers the setting, and limits hold", async () => {
  const user = await world.user();
  const url = user.url("a", SESSION);
  const none = await user.run([url]);
  assert.deepEqual([none.code, /not paid/.test(none.err)], [4, true]);
  const little = await user.run(["--max-deposit", "19", url]);
  assert.deepEqual([little.code, /sessions\.maxDeposit of 19 sat/.test(little.err)], [5, true], little.err);

  user.set({ sessions: { maxDeposit: 19 } });
  assert.equal((await user.run(["--max-deposit", "100", url])).code, 5);
  user.set({ sessions: { maxDeposit: 100 }, limits: { perPayment: 19 } });
  assert.equal((await user.run([url])).code, 5);
  user.set({ sessions: { maxDeposit: 100 } });
  assert.equal((await user.run(["--max-deposit", "19", url])).code, 5);
  assert.equal((await user.stats()).payments, 0);
  await good(user, url);
  assert.equal((await user.stats()).payments, 1);
});

test("a dry run says that it is a deposit, and pays nothing", async () => {
  const user = await world.user();
  const { code, out } = await user.run(["--dry-run", "--max-deposit", "100", user.url("a", SESSION)]);
  assert.equal(code, 0);
  assert.match(out, /^price {6}20 sat, the deposit of a session\n/);
  assert.match(out, /^would pay {2}yes$/m);
  assert.equal((await user.stats()).payments, 0);
});

test("2: a deposit that is no number, wrong settings", async () => {
  const user = await world.user();
  const url = user.url("a", SESSION);
  const fails = async (says, args) => {
    const { code, out, err } = await user.run(args);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, says);
  };
  await fails(/--max-deposit must be a whole number/, ["--max-deposit", "ten", url]);
  await fails(/--max-deposit is no option of spent/, ["spent", "--max-deposit", "100"]);
  for (const [sessions, says] of [
    [100, /config\.json: sessions must be an object/],
    [{}, /config\.json: .*maxDeposit is missing/],
    [{ maxDeposit: -1 }, /config\.json: sessions\.maxDeposit must be a whole number/],
    [
      { maxDeposits: 1 },
      /config\.json: sessions\.maxDeposits is not a known option, did you mean sessions\.maxDeposit/,
    ],
  ]) {
    user.set({ sessions });
    await fails(says, [url]);
    await fails(says, ["--max-deposit", "100", url]);
  }
  assert.equal((await user.stats()).payments, 0);
});

test("7: a wallet that makes no invoice for the rest pays no deposit", async () => {
  const user = await world.user();
  const lnbits = { LNBITS_URL: user.node.url, LNBITS_ADMIN_KEY: "0".repeat(32) };
  const { code, err } = await user.run(["--max-deposit", "100", user.url("a", SESSION)], {
    env: { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "", ...lnbits },
  });
  assert.equal(code, 7, err);
  assert.match(err, /lnbits makes no invoice without an amount: sessions need another wallet/);
  assert.equal((await user.stats()).payments, 0);
});

test("9: a session that could not be closed stays open, and a later run closes it", async () => {
  const user = await world.user();
  const url = user.url("a", SESSION);
  await good(user, "--max-deposit", "100", url);
  // The shop sells by charges now.
  const other = `const { fetch } = globalThis; globalThis.fetch = (url, init) => fetch(url.replace("session", "mpp"), init)`;
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(other)}`;
  const stopped = await user.run(["close"], { env: { NODE_OPTIONS } });
  assert.equal(stopped.code, 9, stopped.err);
  assert.match(stopped.err, /request_failed: /);
  assert.equal(JSON.parse(await good(user, "sessions", "--json")).length, 1);
  const [{ receivedMsat }] = JSON.parse(await good(user, "close", "--json"));
  assert.equal(receivedMsat, 20_000);
});
