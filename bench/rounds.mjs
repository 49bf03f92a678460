// Everything that is measured alike in Node and in a page.
import { compare } from "./compare.mjs";
import { contenders, crowd } from "./clients.mjs";
import { parsers } from "./parsers.mjs";

const MEGABYTES = 100;

/** Bytes per second of a streamed body, read chunk by chunk. `watch` is called now and then. */
async function stream(fetch, origin, watch) {
  const begin = performance.now();
  const response = await fetch(`${origin}/big/${MEGABYTES}`);
  let bytes = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes % (4 << 20) < value.length) watch();
  }
  return bytes / (performance.now() - begin) / 1000;
}

/** @param {(title: string, results: object[]) => void} tell */
export async function measure({ origin, crowds, rounds, ours, alby, peers, vectors, watch }, tell) {
  const warmUp = Math.ceil(rounds / 8);
  const given = { origin, createFetch: ours.createFetch, fetch402: alby.fetch402, calls: rounds + warmUp };
  for (const [title, group] of Object.entries(await contenders(given)))
    tell(title, await compare(group, { rounds, warmUp }));

  tell("1,000 calls at once", await crowd({ ...given, origin: crowds, size: 1000 }));

  const pay = ours.createFetch({ wallet: () => "", limits: { perPayment: 0 } });
  const streams = [
    ["raw fetch", globalThis.fetch],
    ["l402-fetch", pay],
  ].map(([name, fetch]) => ({ name, fetch, speeds: [], peak: 0 }));
  for (let round = 0; round < 3; round++) {
    for (const one of streams)
      one.speeds.push(await stream(one.fetch, origin, () => (one.peak = Math.max(one.peak, watch()))));
  }
  tell(
    `a body of ${MEGABYTES} MB, streamed`,
    streams.map(({ name, speeds, peak }) => ({ name, megabytes: speeds.sort((a, b) => a - b)[1], peak })),
  );

  for (const [title, group] of Object.entries(parsers({ ours, alby, ...peers, ...vectors })))
    tell(title, await compare(group, { rounds: Math.ceil(rounds / 4), warmUp, runs: 20 }));
}
