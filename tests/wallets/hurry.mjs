// Time, as the tests want it, on a machine however busy. Import this before what waits.
//
// The wallets' second look comes after two seconds, and a busy machine needs the eight of a whole lookup for itself: here it
// comes soon. And a paymentTimeout of `hold()` is over when the test says so.
const SECOND_LOOK = 2_000;
const { setTimeout } = globalThis;
const held = new Map();
let next = 100_000;

/** How often a second look was waited for. */
export const waited = { times: 0 };

/** A number of milliseconds that are over once `release()` is called. */
export function hold() {
  const milliseconds = (next += 10_000);
  const tasks = [];
  held.set(milliseconds, tasks);
  return { milliseconds, release: () => tasks.splice(0).forEach((task) => task()) };
}

globalThis.setTimeout = (task, milliseconds, ...rest) => {
  // a deadline that was computed is a little shorter
  for (const [whole, tasks] of held) {
    if (milliseconds <= whole && milliseconds > whole - 10_000) {
      tasks.push(task);
      return {};
    }
  }
  if (milliseconds === SECOND_LOOK) waited.times++;
  return setTimeout(task, milliseconds === SECOND_LOOK ? 20 : milliseconds, ...rest);
};
