// Where this page buys and who pays: a test shop with a test wallet, which the server that sent the page has, or real
// nodes.
import { memoryStore } from "l402-fetch";
import { indexedDBStore } from "l402-fetch/stores/indexeddb";
import { lndWallet, testWallet } from "./wallets.js";

const TEST_WALLET = "lives on the shop’s own server and moves no money: it answers as a wallet that has paid would.";

/**
 * Resolves with the `address` that is bought, its `price` in sat where it is known, what it is (`thing`), the
 * `networks` that may be paid, the `store`, a name to keep things under where it outlives the page (`keptAs`), whether
 * the nodes are real (`isReal`), the `builtIn` wallet, what to say of WebLN here, and `lede` where the page's own would
 * be wrong.
 */
export async function readSetting() {
  const response = await fetch("config.json");
  const { lnd, ...about } = await response.json();
  return lnd ? realNodes(lnd, about) : testShop();
}

function testShop() {
  // a shop of this page's own: two windows do not share tickets or counts
  const id = `demo-${Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const price = 10;
  return {
    address: `/shop/${id}/weather?${new URLSearchParams({ price, description: "A weather forecast", valid_until: 3600 })}`,
    price,
    thing: "forecast",
    networks: ["regtest"],
    store: memoryStore(),
    isReal: false,
    builtIn: {
      label: "Test wallet",
      imports: [],
      code: "testWallet",
      note: () =>
        `${globalThis.webln ? "The test wallet" : "This browser has no WebLN wallet, so a built-in one pays. It"} ${TEST_WALLET}`,
      wallet: () => testWallet(`/wallet/${id}`),
    },
    weblnNote: weblnNote("regtest"),
  };
}

/** `about` is as the server of the real nodes has it: `{ shop, source, network, price?, thing, payer, isOwn }`. */
async function realNodes(lnd, { shop, source, network, price, thing, payer, isOwn }) {
  const isMoney = network === "bitcoin";
  const wallet = await lndWallet({ url: new URL(lnd.url, location.href).href, macaroon: lnd.macaroon }, !isOwn);
  return {
    address: shop,
    price,
    thing,
    networks: [network],
    isReal: true,
    // what a node of the person's own paid is remembered; by shop, as all of them are at this page's own origin
    keptAs: isOwn ? `l402-fetch demo: ${source}` : undefined,
    store: isOwn ? indexedDBStore(`l402-fetch demo: ${source}`) : memoryStore(),
    builtIn: {
      label: "lnd",
      imports: ['import { lnd } from "l402-fetch/wallets/lnd";'],
      code: "lnd({ url, macaroon })",
      note: () =>
        isOwn
          ? `Your node ${payer} pays. ${isMoney ? "It is on the main network: this is real money." : `It is on ${network}, so no real money can move.`}`
          : "A real lnd node pays, over a real channel to the shop’s node. Both run on this computer, on a network of their own (regtest): its coins are worth nothing.",
      wallet,
    },
    lede: isOwn
      ? `This page buys ${source} with your own node.`
      : `This page asks aperture, the L402 server of Lightning Labs, for a weather forecast at ${price}\u00a0satoshis, pays over a real Lightning channel, and gets it.`,
    weblnNote: weblnNote(network),
  };
}

const weblnNote = (network) =>
  network === "bitcoin"
    ? "Your browser’s wallet is asked to pay. This is real money."
    : `The shop’s invoices are of ${network}, a network for tests. Your wallet will be asked to pay one, and will refuse unless it is on ${network} too. This page accepts no other network, so no real money can move.`;
