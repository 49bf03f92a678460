// Time, as the tests want it, on a machine however busy. Import this before what waits.
//
// The wallets' second look comes after two seconds, and a busy machine needs the eight of a whole lookup for itself: here it
// comes soon. And a paymentTimeout of `hold()` is over when the test says so.
import { clock } from "../../dist/wallets/books.js";

const { setTimeout } = globalThis;
const { pause } = clock;
const held = new Map();
let next = 100_000;

/** For how many milliseconds, each time, a second look would have been waited for. */
export const waited = [];

clock.pause = (milliseconds, signal) => {
  waited.push(milliseconds);
  return pause(20, signal);
};

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
  return setTimeout(task, milliseconds, ...rest);
};
