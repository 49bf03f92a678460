// The world that the README's examples are told in: an API at api.example.com, a wallet's API at wallet.example.com, a
// WebLN extension, nodes of one's own (nodes.js), and a user who says yes. Behind all of them is the paywall.
import { NODES, sdk } from "./nodes.js";

/**
 * Makes it so for this process, page or Worker.
 *
 * @param {string} base the paywall
 * @param {string} id of a shop and wallet for this example alone
 * @returns the wallet that pays by the paywall
 */
export function enter(base, id) {
  const outside = globalThis.fetch.bind(undefined);
  const inside = (url) => {
    const { hostname, pathname, searchParams } = new URL(url);
    if (hostname === "api.example.com") {
      // examples pay on the main network
      searchParams.set("network", "bc");
      return `${base}/shop/${id}${pathname}?${searchParams}`;
    }
    if (hostname === "meter.example.com") {
      for (const [name, value] of Object.entries({ scheme: "session", price: "1", network: "bc" }))
        searchParams.set(name, value);
      return `${base}/shop/${id}${pathname}?${searchParams}`;
    }
    if (hostname === "wallet.example.com") return `${base}/wallet/${id}${pathname}`;
    return undefined;
  };
  const settle = (paymentRequest) => wallet({ paymentRequest });
  globalThis.fetch = async (input, init) => {
    const { href: url, origin, pathname } = new URL(input.url ?? input, globalThis.location?.href);
    if (NODES[origin]) return NODES[origin](pathname, init.body, new Headers(init.headers), settle);
    const there = inside(url);
    if (!there) return outside(input, init);
    const response = await outside(input.url ? new Request(there, input) : there, init);
    return Object.defineProperty(response, "url", { value: url });
  };

  const wallet = async (invoice) => {
    const response = await outside(`${base}/wallet/${id}/pay`, { method: "POST", body: invoice.paymentRequest });
    return response.json();
  };
  /** The same wallet as one that makes invoices. */
  globalThis.account = {
    pay: wallet,
    async makeInvoice({ expirySeconds }) {
      const terms = `amount=none&network=bc&expiry=${expirySeconds}`;
      return (await (await outside(`${base}/wallet/${id}/invoice?${terms}`, { method: "POST" })).json()).invoice;
    },
    received: async (hash) => (await (await outside(`${base}/wallet/${id}/received/${hash}`)).json()).msat,
  };
  globalThis.webln = {
    async enable() {},
    sendPayment: async (paymentRequest) => ({ preimage: (await wallet({ paymentRequest })).preimage }),
  };
  globalThis.confirm = () => true;
  globalThis.nwcSdk = sdk(settle);
  return wallet;
}
