// However the command ends, no payment is lost, and none is made twice.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { NODE_22, NODE_24, openWorld } from "./world.mjs";

let world;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

const MOMENTS = new URL("./moments.mjs", import.meta.url).href;
/** More than a purchase has. */
const MOST = 60;

for (const [signal, program] of [
  ["SIGKILL", NODE_24],
  ["SIGKILL", NODE_22],
  ["SIGINT", NODE_24],
]) {
  const version = program === NODE_22 ? 22 : 24;
  test(`${signal} at every moment of a purchase, Node ${version}: the next run pays once at most`, async () => {
    let moment = 1;
    const seen = new Set();
    for (; moment <= MOST; moment++) {
      const user = await world.user();
      const url = user.url("weather");
      const env = { NODE_OPTIONS: `--no-warnings --import ${MOMENTS}`, MOMENT: String(moment), MOMENT_SIGNAL: signal };
      const first = await user.run([url], { program, env });
      const [, what] = /^moment \d+: (.*)$/m.exec(first.err) ?? [];
      if (!what) {
        assert.equal(first.code, 0, first.err);
        break;
      }
      seen.add(what);
      if (signal === "SIGKILL") assert.equal(first.signal, "SIGKILL");
      else assert.ok(first.code === 130 || first.code === 0, `${what}: ${first.code} ${first.err}`);
      const second = await user.run([url], { program });
      assert.equal(second.code, 0, `${what}: ${second.err}`);
      assert.match(second.out, /"place":"Longyearbyen"/, what);
      const third = await user.run(["spent", "--json"], { program });
      assert.equal(JSON.parse(third.out).spent.total, 10, what);
      const { payments, asked, paid } = await user.stats();
      assert.equal(payments, 1, `${what}, moment ${moment}: asked ${asked}`);
      assert.deepEqual(Object.values(paid), [1]);
    }
    assert.ok(moment > 12 && moment < MOST, `there were ${moment - 1} moments`);
    for (const what of ["before POST payinvoice", "after POST payinvoice", "before a commit", "after GET shop"])
      assert.ok(seen.has(what), `${what} was one of ${[...seen].join(", ")}`);
  });
}

test("four at once, each killed or interrupted at a moment of chance: the next runs pay once at most", async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const random = mulberry(seed);
  for (let round = 0; round < 8; round++) {
    const user = await world.user();
    const urls = ["a", "b"].map((path) => user.url(path, "scope=path"));
    const runs = [0, 1, 2, 3].map((index) => {
      const env = {
        NODE_OPTIONS: `--no-warnings --import ${MOMENTS}`,
        MOMENT: String(1 + Math.floor(random() * 26)),
        MOMENT_SIGNAL: random() < 0.7 ? "SIGKILL" : "SIGINT",
      };
      return user.run([urls[index % 2]], { env, program: index % 3 ? NODE_24 : NODE_22 });
    });
    await Promise.all(runs);
    for (const url of urls) {
      const { code, err } = await user.run([url]);
      assert.equal(code, 0, `SEED=${seed}, round ${round}: ${err}`);
    }
    const { paid } = await user.stats();
    assert.deepEqual(Object.values(paid), [1, 1], `SEED=${seed}, round ${round}`);
    assert.equal(JSON.parse((await user.run(["spent", "--json"])).out).spent.total, 20);
  }
});

/** Numbers from 0 to 1 that a seed decides. */
function mulberry(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("Ctrl-C before the wallet is asked ends at once, and nothing is paid", async () => {
  const user = await world.user();
  const child = user.start([user.url("a", "hold=unpaid")]);
  await user.until("requests", 1);
  child.kill("SIGINT");
  const { code, out } = await child.ended;
  assert.deepEqual([code, out], [130, ""]);
  await user.release();
  assert.equal((await user.stats()).payments, 0);
});

test("Ctrl-C while the wallet pays waits for it, and the next run has the token", async () => {
  const user = await world.user();
  user.node.answer = "answer=hold";
  const child = user.start([user.url("a")]);
  await user.until("asked", 1);
  child.kill("SIGINT");
  await child.said(/a payment of 10 sat is under way: waiting for the wallet/);
  await user.release();
  const { code, out, err } = await child.ended;
  assert.deepEqual([code, out], [130, ""]);
  assert.match(err, /paid 10 sat: run it again for the answer/);
  const { accepted } = await user.stats();
  const again = await user.run([user.url("a")]);
  assert.equal(again.code, 0, again.err);
  const { payments, asked } = await user.stats();
  assert.deepEqual([payments, asked, accepted], [1, 1, 0]);
});

test("Ctrl-C while the wallet pays, and the wallet fails: it says so, and nothing counts", async () => {
  const user = await world.user();
  let go;
  user.node.on("POST /payinvoice", async () => {
    await new Promise((release) => {
      go = release;
    });
    return (response) => response.end(JSON.stringify({ reason: "payment attempts exhausted without success" }));
  });
  const child = user.start([user.url("a")]);
  await user.node.until((seen) => seen.length > 0);
  child.kill("SIGTERM");
  await child.said(/waiting for the wallet/);
  go();
  const { code, err } = await child.ended;
  assert.equal(code, 143);
  assert.match(err, /phoenixd gave up: payment attempts exhausted/);
  assert.equal(JSON.parse((await user.run(["spent", "--json"])).out).spent.total, 0);
  assert.equal((await user.stats()).payments, 0);
});

test("Ctrl-C twice ends at once; the next run asks the wallet, and pays nothing", async () => {
  const user = await world.user();
  user.node.answer = "answer=hold";
  const child = user.start([user.url("a")]);
  await user.until("asked", 1);
  child.kill("SIGINT");
  await child.said(/waiting for the wallet/);
  child.kill("SIGINT");
  const { code, err } = await child.ended;
  assert.equal(code, 130);
  assert.match(err, /ended while 10 sat may be on their way: the next run asks the wallet/);

  const early = await user.run([user.url("a")]);
  assert.equal(early.code, 8, early.err);
  assert.match(early.err, /payment_unknown: .*\n.*l402-fetch resolve [0-9a-f]{12} --preimage HEX, or --failed/);
  await user.release();
  const later = await user.run([user.url("a")]);
  assert.equal(later.code, 0, later.err);
  const { payments, asked } = await user.stats();
  assert.deepEqual([payments, asked], [1, 1]);
});

test("two at once: one pays, and the other has its token", async () => {
  const user = await world.user();
  const ends = await Promise.all([1, 2, 3].map(() => user.run([user.url("a")])));
  assert.deepEqual(
    ends.map(({ code }) => code),
    [0, 0, 0],
    ends.map(({ err }) => err).join(""),
  );
  const { payments, accepted } = await user.stats();
  assert.deepEqual([payments, accepted], [1, 3]);
});

test("two at once share the limits", async () => {
  const user = await world.user();
  user.set({ limits: { perPayment: 100, perDay: 15 } });
  const paths = ["a", "b"].map((path) => user.url(path, "scope=path"));
  const ends = await Promise.all(paths.map((url) => user.run([url])));
  assert.deepEqual(ends.map(({ code }) => code).sort(), [0, 5], ends.map(({ err }) => err).join(""));
  assert.equal((await user.stats()).payments, 1);
});

test("a command that waits for another that is killed goes on at once", async () => {
  const user = await world.user();
  user.node.answer = "answer=hold";
  const first = user.start([user.url("a")]);
  await user.until("asked", 1);
  const second = user.start([user.url("a")]);
  await user.until("lookups", 1);
  first.kill("SIGKILL");
  await first.ended;
  await user.release();
  const { code, err } = await second.ended;
  assert.equal(code, 0, err);
  assert.equal((await user.stats()).payments, 1);
});

test("a dry run beside a payment does not hold its token for refused", async () => {
  const user = await world.user();
  user.node.answer = "answer=hold";
  const first = user.start([user.url("a")]);
  await user.until("asked", 1);
  const dry = user.start(["--dry-run", user.url("a")]);
  await user.until("lookups", 1);
  await user.release();
  assert.equal((await first.ended).code, 0);
  const { code, out, err } = await dry.ended;
  assert.deepEqual([code, out], [0, "nothing to pay: it is free, or a token of the ledger opens it\n"], err);
  assert.equal((await user.run([user.url("a")])).code, 0);
  const { payments, asked, refused } = await user.stats();
  assert.deepEqual([payments, asked, refused], [1, 1, 0]);
});
