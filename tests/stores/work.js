/**
 * Fetches jobs from a hub (support/hub.mjs) for ever, and does each as soon as it comes. Needs only `fetch`, which the
 * caller may replace later.
 */
export async function work(hub, worker, task) {
  const { fetch } = globalThis;
  const plainFetch = (...args) => fetch(...args);
  for (;;) {
    const response = await plainFetch(`${hub}/next/${encodeURIComponent(worker)}`);
    const { number, ...job } = await response.json();
    task(job).then((body) => plainFetch(`${hub}/done/${number}`, { method: "POST", body: JSON.stringify(body) }));
  }
}
