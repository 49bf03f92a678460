// Time, as the tests want it, on a machine however busy. Import this before what waits: a paymentTimeout of `hold()` is
// over when the test says so.
const { setTimeout } = globalThis;
const held = new Map();
let next = 100_000;

/** A number of milliseconds that are over once `release()` is called. */
export function hold() {
  next += 10_000;
  const milliseconds = next;
  const tasks = [];
  held.set(milliseconds, tasks);
  const release = () => {
    for (const task of tasks.splice(0)) task();
  };
  return { milliseconds, release };
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
