// A tab of several on one database, driven from outside through `globalThis.tab`.
import { createFetch, receiptOf } from "l402-fetch";
import { indexedDBStore } from "l402-fetch/stores/indexeddb";

const { base, other, id } = Object.fromEntries(new URLSearchParams(location.search));
const store = indexedDBStore(id);
const url = (path) => `${base}/shop/${id}/${path}`;

const client = ({ wallet = "", lookup = false, total = 100, ...more } = {}) =>
  createFetch({
    store,
    limits: { perPayment: 100, total },
    networks: ["regtest"],
    wallet: {
      pay: async ({ paymentRequest }) =>
        (await fetch(`${other}/wallet/${id}/pay?${wallet}`, { method: "POST", body: paymentRequest })).json(),
      ...(lookup && { lookup: async (hash) => (await fetch(`${other}/wallet/${id}/lookup/${hash}`)).json() }),
    },
    ...more,
  });

globalThis.tab = {
  store,
  async buy(path, options) {
    try {
      const response = await client(options)(url(path));
      return { status: response.status, paidNow: receiptOf(response).paidNow };
    } catch (error) {
      return { code: error.code ?? String(error) };
    }
  },
  /** Resolves once the user is asked, who never answers. */
  hang: (path) =>
    new Promise((asked) => {
      client({ approve: () => new Promise(() => asked(true)) })(url(path)).catch(() => {});
    }),
  remove: () =>
    new Promise((done, fail) => {
      const request = indexedDB.deleteDatabase(id);
      request.onsuccess = () => done(true);
      request.onblocked = () => fail(new Error("blocked"));
      request.onerror = () => fail(request.error);
    }),
};
