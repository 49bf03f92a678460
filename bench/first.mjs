// The first paid call of a fresh process, and later ones: `first.mjs ENTRY ORIGIN MANNER` prints milliseconds as one
// line of JSON. `paid` pays with its first request, `after-free` sends one before that has nothing to pay, `warmed`
// calls `warm()` before.
const [entry, origin, manner] = process.argv.slice(2);
const LATER = 9;

const { createFetch } = await import(entry);
const { fetch } = globalThis;
let preimage;
const pay = () =>
  createFetch({
    wallet: () => preimage,
    limits: { perPayment: 100 },
    networks: ["regtest"],
    async fetch(...given) {
      const response = await fetch(...given);
      preimage = response.headers.get("x-preimage") ?? preimage;
      return response;
    },
  });

/** A client of its own for each, so that each pays. */
async function call(client = pay()) {
  const begin = performance.now();
  const response = await client(`${origin}/weather`);
  await response.text();
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  return performance.now() - begin;
}

const client = pay();
if (manner === "after-free") await (await client(`${origin}/free`)).text();
if (manner === "warmed") await client.warm();
const first = await call(client);
const later = [];
for (let i = 0; i < LATER; i++) later.push(await call());
console.log(JSON.stringify({ first, later: later.sort((a, b) => a - b)[LATER >> 1] }));
