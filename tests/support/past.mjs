// A past that never was: the rows of one real purchase, copied under other hashes. It fills a store in seconds.
import { randomBytes } from "node:crypto";
import { openSeller } from "./seller.mjs";

const PRICE_MSAT = 10_000;
const MINUTE = 60_000;
const QUARTER = 900_000;
const HOUR = 3_600_000;

/** The rows of a store after one purchase. */
async function rowsOfPurchase({ createFetch, memoryStore }, origin, now) {
  const store = memoryStore();
  const { fetch, wallet } = openSeller({ now: () => now });
  const options = { limits: { perPayment: 100 }, networks: ["regtest"] };
  await createFetch({ ...options, store, fetch, wallet, now: () => now })(`${origin}/sample`);
  return Object.fromEntries(await store.list("", { limit: 100 }));
}

/** The sums of `count` payments, `gap` milliseconds apart, the last of them at `now`: what their two rows hold. */
function sumsOf(count, gap, now) {
  const first = now - (count - 1) * gap;
  const upTo = (time) => Math.min(count, Math.max(0, Math.floor((time - 1 - first) / gap) + 1));
  const buckets = (width, from, spent, until = Number.POSITIVE_INFINITY) => {
    const found = [];
    let last = 0;
    for (let index = Math.floor(Math.max(from, first) / width); index * width <= now; index++) {
      const orders = upTo(Math.min((index + 1) * width, until)) - upTo(index * width);
      if (orders === 0) continue;
      found.push(index - last, spent * orders, 0, orders);
      last = index;
    }
    return found.join(" ");
  };
  const minutesFrom = Math.floor((now - HOUR) / QUARTER) * QUARTER;
  const minute = Math.floor(now / MINUTE);
  /** What was paid from a time on, before the newest minute. */
  const since = (from) => {
    const orders = upTo(minute * MINUTE) - upTo(from);
    return [PRICE_MSAT * orders, 0, orders];
  };
  const newest = count - upTo(minute * MINUTE);
  return {
    sums: {
      ever: `${count * PRICE_MSAT} 0 ${count}`,
      moments: buckets(5_000, now - 125_000, 0),
      minute: [
        ...[minute, PRICE_MSAT * newest, 0, newest],
        ...since((minute - HOUR / MINUTE) * MINUTE),
        ...since(Math.floor((minute * MINUTE - 24 * HOUR) / QUARTER) * QUARTER),
      ].join(" "),
      last: now,
    },
    past: {
      minutes: buckets(MINUTE, minutesFrom, PRICE_MSAT, minute * MINUTE),
      quarters: buckets(QUARTER, now - 2 * 24 * HOUR, PRICE_MSAT, minute * MINUTE),
      minutesFrom,
    },
  };
}

/** The first 8 digits of a hash, spread over all that there may be. */
const ascending = (index, count) =>
  Math.floor((index / count) * 2 ** 32)
    .toString(16)
    .padStart(8, "0");

/**
 * Fills an empty store with `count` settled payments at an origin, each for a resource of its own and with its token,
 * `gap` milliseconds apart, the last of them at `now`. The sums count all of them. With `isAscending` each hash is
 * above those before it: a sorted table is filled faster in that order.
 */
export async function fill(
  store,
  pkg,
  { count, gap = 1, origin = "https://past.example", now = Date.now(), isAscending = false },
) {
  const rows = await rowsOfPurchase(pkg, origin, now);
  const own = Object.entries(rows).filter(([key]) => /^(payment|token|time|of)\//.test(key));
  const keyOf = (kind) => own.find(([key]) => key.startsWith(kind))[0];
  const hash = keyOf("payment/").slice(-64);
  const digest = keyOf("token/").slice(-32);
  const time = /\d{14}/.exec(keyOf("time/"))[0];
  const templates = own
    .flat()
    .map((text) => text.replaceAll(hash, "\0h").replaceAll(digest, "\0d").replaceAll(time, "\0t"));
  for (let done = 0; done < count; ) {
    const changes = {};
    for (const end = Math.min(done + 500, count); done < end; done++) {
      const random = randomBytes(32).toString("hex");
      const other = isAscending ? ascending(done, count) + random.slice(8) : random;
      const at = now - (count - 1 - done) * gap;
      const marks = { h: other, d: other.slice(0, 32), t: String(at).padStart(14, "0") };
      const copies = templates.map((text) =>
        text
          .replace(/\0(.)/g, (_, mark) => marks[mark])
          .replace(`"startedAt":${now}`, `"startedAt":${at}`)
          .replace(/"settledAt":\d+/, `"settledAt":${Math.floor(at / 1000)}`)
          .replace(/"invoiceExpiresAt":\d+/, `"invoiceExpiresAt":${Math.floor(at / 1000) + 3600}`),
      );
      for (let index = 0; index < copies.length; index += 2) changes[copies[index]] = copies[index + 1];
    }
    if (done >= count) {
      const { sums, past } = sumsOf(count, gap, now);
      for (const key of ["sums", `origin/${origin}`]) {
        changes[key] = JSON.stringify({ ...JSON.parse(rows[key]), ...sums, rev: 2 * count });
        changes[`past/${key}`] = JSON.stringify({ v: 1, rev: count, ...past });
      }
    }
    if (!(await store.write(changes, {}))) throw new Error("a write that compares nothing was refused");
  }
}
