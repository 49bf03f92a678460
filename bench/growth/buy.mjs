// One who buys, again and again, each time another resource; and how it is told what that took. For Node and workerd.
import { openSeller } from "../../tests/support/seller.mjs";

let buyers = 0;

/**
 * A paying fetch with a seller in this process. `step`: milliseconds by which its clock goes on with each purchase;
 * without it the clock is the system's. The URLs are told from those of other buyers by `name`.
 */
export function buyer(
  { createFetch },
  { store, step, now = Date.now(), origins = 1, name = `${++buyers}-${process.pid}` } = {},
) {
  let clock = now;
  const time = step ? () => clock : Date.now;
  const seller = openSeller({ now: time });
  const pay = createFetch({
    ...(store && { store }),
    fetch: seller.fetch,
    wallet: seller.wallet,
    now: time,
    limits: { perPayment: 100 },
    networks: ["regtest"],
  });
  let bought = 0;
  const next = () => `https://shop${bought % origins}.example/${name}/${++bought}`;
  return {
    pay,
    async buy() {
      clock += step ?? 0;
      const { status } = await pay(next());
      if (status !== 200) throw new Error(`answered ${status}`);
    },
  };
}

export const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];

/** Milliseconds. */
export async function timed(task) {
  const begin = performance.now();
  await task();
  return performance.now() - begin;
}

export async function repeat(times, task) {
  for (let time = 0; time < times; time++) await task();
}

/** Lets each task run once a round, in turn. Resolves with the median of each, in milliseconds. */
export async function inTurn(rounds, tasks) {
  const times = tasks.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const offset of tasks.keys()) {
      const which = (round + offset) % tasks.length;
      times[which].push(await timed(tasks[which]));
    }
  return times.map(median);
}

export const ms = (value) => `${value.toFixed(value < 10 ? 3 : 1)} ms`;
export const ratio = (value) => `${value.toFixed(value < 0.1 ? 4 : 2)} x`;
export const count = (value) => value.toLocaleString("en");
export const line = (name, ...cells) =>
  console.log(`  ${name.padEnd(58)}${cells.map((cell) => cell.padStart(14)).join("")}`);
/** What `growth.mjs` hands to a part. */
export const given = () => JSON.parse(process.argv[2]);
