const { base, shop } = Object.fromEntries(new URLSearchParams(location.search));

async function run() {
  await navigator.serviceWorker.register(`/service-worker.js?${new URLSearchParams({ base, shop })}`);
  if (!navigator.serviceWorker.controller) {
    await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }));
  }
  const response = await fetch(`${base}/shop/${shop}/thing?price=10`);
  return { status: response.status, bought: (await response.json()).bought === new URL(response.url).pathname };
}
run()
  .catch((error) => ({ error: String(error) }))
  .then((results) => {
    globalThis.results = results;
  });
