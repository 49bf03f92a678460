// Who asks for a resource and pays: by hand, by the peer, by us. For Node and for a page.

/** The wallet finds the preimage in the 402, which the fetch of everybody here remembers by invoice. */
const preimages = new Map();
const real = globalThis.fetch;
export async function fetch(input, init) {
  const response = await real(input, init);
  if (response.status === 402) preimages.set(invoiceOf(response), response.headers.get("x-preimage"));
  return response;
}
function invoiceOf(response) {
  const required = response.headers.get("payment-required");
  if (required) return JSON.parse(atob(required)).accepts[0].extra.invoice;
  const header = response.headers.get("www-authenticate");
  const [, request] = /request="([^"]+)"/.exec(header) ?? [];
  if (request) return JSON.parse(atob(request.replaceAll("-", "+").replaceAll("_", "/"))).methodDetails.invoice;
  return /invoice="([^"]+)"/.exec(header)[1];
}

/** The peer takes no fetch. */
export const patch = () => {
  globalThis.fetch = fetch;
};

export let payments = 0;
export const wallet = ({ paymentRequest }) => {
  payments++;
  return preimages.get(paymentRequest);
};
const peersWallet = { payInvoice: async ({ invoice }) => ({ preimage: wallet({ paymentRequest: invoice }) }) };

/** Two fetches, as a user without a library writes them: no check, no proof, no limit. */
async function byHand(url) {
  const asked = await fetch(url);
  const [, token] = /macaroon="([^"]+)"/.exec(asked.headers.get("www-authenticate"));
  const preimage = wallet({ paymentRequest: invoiceOf(asked) });
  await asked.body.cancel();
  return fetch(url, { headers: { authorization: `L402 ${token}:${preimage}` } });
}

const read = async (response) => (await response).text();
const OURS = "l402-fetch, with all checks";
const PEERS = "@getalby/lightning-tools fetch402";

/** Clients that pay in turns, each having forgotten what it bought the time before. */
const SHOPPERS = 50;

/** The contenders of each comparison; the first is what the others are held against. `calls`: how often ours pays. */
export async function contenders({ origin, createFetch, fetch402, calls }) {
  const client = () => createFetch({ wallet, limits: { perPayment: 100 }, networks: ["regtest", "bitcoin"], fetch });
  const [pay, free] = [client(), client()];
  await read(pay(`${origin}/paid`));
  const bought = await fetch402(`${origin}/paid`, {}, { wallet: peersWallet });
  await bought.text();
  const { credentials } = bought.payment;
  const shoppers = Array.from({ length: SHOPPERS }, client);
  const shopper = (round) => shoppers[round % SHOPPERS];
  const newcomers = Array.from({ length: calls }, client);
  const chargers = Array.from({ length: SHOPPERS }, client);
  const charger = (round) => chargers[round % SHOPPERS];
  const bound = Array.from({ length: SHOPPERS }, client);
  for (const one of bound) await read(one(`${origin}/exact`));
  const others = [
    ["two fetches by hand", () => read(byHand(`${origin}/bought`))],
    [PEERS, () => read(fetch402(`${origin}/bought`, {}, { wallet: peersWallet }))],
  ];
  return {
    "nothing to pay": [
      ["raw fetch", () => read(fetch(`${origin}/free`))],
      [PEERS, () => read(fetch402(`${origin}/free`, {}, { wallet: peersWallet }))],
      [OURS, () => read(free(`${origin}/free`))],
    ],
    "a token that is reused": [
      [
        "raw fetch, with the header",
        () => read(fetch(`${origin}/paid`, { headers: { authorization: credentials.value } })),
      ],
      [PEERS, () => read(fetch402(`${origin}/paid`, {}, { wallet: peersWallet, credentials }))],
      [OURS, () => read(pay(`${origin}/paid`))],
    ],
    "402, payment, repeat": [
      ...others,
      [OURS, (round) => read(shopper(round)(`${origin}/bought`)), (round) => shopper(round).forget()],
    ],
    "the same by protocol": [
      ["l402-fetch, L402", (round) => read(shopper(round)(`${origin}/bought`)), (round) => shopper(round).forget()],
      [
        "l402-fetch, a charge of MPP",
        (round) => read(charger(round)(`${origin}/charged`)),
        (round) => charger(round).forget(),
      ],
      [
        "l402-fetch, x402",
        (round) => read(bound[round % SHOPPERS](`${origin}/exact`)),
        (round) => bound[round % SHOPPERS].forget(),
      ],
    ],
    "the same, by a client's first call": [...others, [OURS, (round) => read(newcomers[round](`${origin}/bought`))]],
  };
}

/** 1,000 calls at once: each contender's milliseconds and payments. */
export async function crowd({ origin, createFetch, fetch402, size }) {
  const results = [];
  for (const [name, start] of [
    ["raw fetch, nothing to pay", () => (url) => fetch(url.replace("paid", "free"))],
    ["two fetches by hand, each", () => byHand],
    [`${PEERS}, each`, () => (url) => fetch402(url, {}, { wallet: peersWallet })],
    [OURS, () => createFetch({ wallet, limits: { perPayment: 100 }, networks: ["regtest"], fetch })],
  ]) {
    const call = start();
    const before = payments;
    const begin = performance.now();
    await Promise.all(Array.from({ length: size }, () => read(call(`${origin}/paid`))));
    results.push({ name, ms: performance.now() - begin, payments: payments - before });
  }
  return results;
}
