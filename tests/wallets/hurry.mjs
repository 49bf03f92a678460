// Time under the control of the tests, also on a busy machine. Import this before modules that wait. A paymentTimeout
// of `hold()` is over when the test calls `release()`.
const { setTimeout } = globalThis;
const held = new Map();
let next = 100_000;

/** A number of milliseconds, which is `given` if there is one. They are over once `release()` is called. */
export function hold(given) {
  next += 10_000;
  const milliseconds = given ?? next;
  const tasks = [];
  held.set(milliseconds, tasks);
  const release = () => {
    for (const task of tasks.splice(0)) task();
  };
  return { milliseconds, release };
}

globalThis.setTimeout = (task, milliseconds, ...rest) => {
  // A computed deadline is a little shorter.
  for (const [whole, tasks] of held) {
    if (milliseconds <= whole && milliseconds > whole - 10_000) {
      tasks.push(task);
      return {};
    }
  }
  return setTimeout(task, milliseconds, ...rest);
};
