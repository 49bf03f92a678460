// The store in memory. Payments are a second apart by the client's clock, so that invoices expire as they would.
import { join } from "node:path";
import { fill } from "../../tests/support/past.mjs";
import { buyer, count, given, inTurn, line, median, ms, ratio, repeat, timed } from "./buy.mjs";

const SECOND = 1000;
/** Where a buyer of one origin buys. */
const ORIGIN = "https://shop0.example";
const { earlier, commit, isQuick } = given();
const ours = await import("../../dist/node.js");
const theirs = await import(join(earlier, "node.js"));
const rounds = isQuick ? 200 : 1000;

/** A buyer with so many payments made up, at the origin where it buys, so far apart. */
async function filled(payments, gap = SECOND) {
  const store = ours.memoryStore();
  const now = Date.now();
  await fill(store, ours, { count: payments, gap, origin: ORIGIN, now });
  return buyer(ours, { store, step: SECOND, now });
}

function heap() {
  gc();
  gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

async function growing() {
  console.log(`\n== memory: a purchase, median of ${count(rounds)} in turn, and beside that from 1,000 to 2,000`);
  const bought = buyer(ours, { store: ours.memoryStore(), step: SECOND });
  await repeat(1000, bought.buy);
  // A client that has bought everything itself knows all tokens. Others look first whether there is one.
  const sizes = [6_000, 100_000, 1_000_000];
  const all = [await filled(1_000), bought];
  for (const size of sizes) all.push(await filled(size));
  // as long a past of few payments: its sums have as many minutes and quarters of an hour as those of a million
  all.push(await filled(1_000, 1000 * SECOND));
  await repeat(100, async () => {
    for (const { buy } of all) await buy();
  });
  const [first, itself, ...others] = await inTurn(
    rounds,
    all.map(({ buy }) => buy),
  );
  line("after 1,000, made up", ms(first));
  line("after 1,000, bought by this client", ms(itself), ratio(itself / first));
  for (const [index, size] of sizes.entries())
    line(`after ${count(size)}, made up`, ms(others[index]), ratio(others[index] / first));
  const [, , many, long] = others;
  line("after 1,000, made up, over the days of 1,000,000", ms(long), ratio(long / first));
  line("1,000,000 beside those 1,000", "", ratio(many / long));
  console.log("  aim: at 1,000,000 at most 1.1 x");
}

async function heaps() {
  console.log("\n== memory: the heap, less that before the first payment");
  // one client beforehand, so that what is loaded and compiled once does not count
  await repeat(500, buyer(ours, { store: ours.memoryStore(), step: SECOND }).buy);
  const before = heap();
  const one = buyer(ours, { store: ours.memoryStore(), step: SECOND });
  let bought = 0;
  for (const size of isQuick ? [10_000, 20_000] : [10_000, 20_000, 100_000]) {
    await repeat(size - bought, one.buy);
    bought = size;
    line(`after ${count(size)}, all bought`, `${(heap() - before).toFixed(1)} MiB`);
  }
  await one.pay.spent();
  const made = heap();
  const store = ours.memoryStore();
  for (const size of [100_000, 1_000_000]) {
    const now = Date.now() + size * SECOND;
    await fill(store, ours, { count: size, gap: SECOND, origin: ORIGIN, now });
    await buyer(ours, { store, step: SECOND, now }).buy();
    line(`after ${count(size)} more, made up, one bought`, `${(heap() - made).toFixed(1)} MiB`);
  }
  console.log("  aim: flat after 10,000; up to 11,000 of each kind are kept before the oldest go at once");
}

/** Medians of 40 purchases: on an empty store, and at 1,000 payments. Several stores, for 40 are no longer empty. */
async function share(pkg, open) {
  const empty = [];
  for (let round = 0; round < 8; round++) {
    const one = buyer(pkg, { store: open(), step: SECOND });
    await one.buy();
    for (let time = 0; time < 5; time++) empty.push(await timed(one.buy));
  }
  const one = buyer(pkg, { store: open(), step: SECOND });
  await repeat(980, one.buy);
  const full = [];
  await repeat(40, async () => full.push(await timed(one.buy)));
  return { empty: median(empty), full: median(full) };
}

/** The two fetches and the wallet, without any check or record. */
async function byHand() {
  const { openSeller } = await import("../../tests/support/seller.mjs");
  const seller = openSeller();
  let number = 0;
  return async () => {
    const url = `https://hand.example/${++number}`;
    const header = (await seller.fetch(url)).headers.get("www-authenticate");
    const [, token] = /macaroon="([^"]+)"/.exec(header);
    // the hash is in the token
    const paymentHash = Buffer.from(token, "base64").subarray(5, 37).toString("hex");
    const { preimage } = seller.wallet({ paymentHash });
    await seller.fetch(url, { headers: { authorization: `L402 ${token}:${preimage}` } });
  };
}

async function beside() {
  console.log(`\n== memory: beside ${commit}, a purchase of the first 5, and one at 1,000 payments`);
  await share(ours, ours.memoryStore);
  const own = await share(ours, ours.memoryStore);
  const other = await share(theirs, () => undefined);
  const hand = await byHand();
  await repeat(1000, hand);
  const times = [];
  await repeat(500, async () => times.push(await timed(hand)));
  const bare = median(times);
  line("l402-fetch", ms(own.empty), ms(own.full));
  line(commit, ms(other.empty), ms(other.full), ratio(own.full / other.full));
  line("two fetches and the wallet by hand", ms(bare));
  console.log(
    "  the ledger's share, as what the purchase at 1,000 takes more than one of the first 5 on the same build:",
  );
  const grown = ({ empty, full }) => full - empty;
  line(`  l402-fetch, ${commit}`, ms(grown(own)), ms(grown(other)), ratio(grown(own) / grown(other)));
  console.log("  an upper bound of it, as all that it takes more than by hand, the flow with it:");
  const more = ({ full }) => full - bare;
  line(`  l402-fetch, ${commit}`, ms(more(own)), ms(more(other)), ratio(more(own) / more(other)));
  console.log("  aim: at most a twentieth (0.05 x)");
}

/** Questions that read more than a fixed number of rows. */
async function questions() {
  console.log("\n== memory: forget() by origins with a token each; payments({ state }) of which there is none");
  for (const origins of isQuick ? [500, 2_000] : [500, 2_000, 4_000]) {
    const one = buyer(ours, { store: ours.memoryStore(), step: SECOND, origins });
    await repeat(origins, one.buy);
    const taken = await timed(() => one.pay.forget());
    line(`forget(), ${count(origins)} origins`, ms(taken), `${((taken * 1000) / origins).toFixed(0)} us each`);
  }
  for (const size of [1_000, 10_000]) {
    const { pay } = await filled(size);
    await pay.spent();
    const taken = await timed(() => pay.payments({ state: "failed" }));
    line(`payments({ state: "failed" }), ${count(size)} payments`, ms(taken));
  }
}

await growing();
await heaps();
await beside();
await questions();
