// Contenders in turns: whatever else the machine does falls on all of them. For Node and for a page.

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const at = (numbers, part) => sorted(numbers)[Math.floor(numbers.length * part)];
export const median = (numbers) => at(numbers, 0.5);

/** Milliseconds that a task takes, of so many runs in a row. */
async function timed(task, runs) {
  const start = performance.now();
  for (let run = 0; run < runs; run++) await task();
  return (performance.now() - start) / runs;
}

/**
 * Runs each contender once a round, each round beginning with the next one. Resolves, for each, with the median of its
 * times in microseconds, the median of its ratios to the first contender of the same round, and the middle half of
 * those ratios.
 *
 * `runs`: how often in a row, where once is too quick for the clock. What a contender has to tidy up after its turn is
 * not timed.
 *
 * @param {[name: string, task: (round: number) => Promise<unknown>, tidy?: (round: number) => Promise<unknown>][]}
 *   contenders
 */
export async function compare(contenders, { rounds, warmUp, runs = 1 }) {
  const times = contenders.map(() => []);
  for (let round = 0; round < warmUp + rounds; round++) {
    // Every other round backwards, so that nobody always follows the same one.
    const turns = contenders.map((_, turn) => (round + turn) % contenders.length);
    for (const which of round % 2 ? turns.reverse() : turns) {
      const took = await timed(() => contenders[which][1](round), runs);
      if (round >= warmUp) times[which].push(took);
      await contenders[which][2]?.(round);
    }
  }
  return contenders.map(([name], which) => {
    const ratios = times[which].map((time, round) => time / times[0][round]);
    return {
      name,
      us: median(times[which]) * 1000,
      ratio: median(ratios),
      from: at(ratios, 0.25),
      to: at(ratios, 0.75),
    };
  });
}

/** One line for each. */
export function print(title, results) {
  console.log(title);
  for (const { name, us, ratio, from, to } of results) {
    console.log(
      `  ${name.padEnd(44)}${us.toFixed(us < 100 ? 1 : 0).padStart(9)} µs${ratio.toFixed(3).padStart(9)} x   (${from.toFixed(2)} to ${to.toFixed(2)})`,
    );
  }
}
