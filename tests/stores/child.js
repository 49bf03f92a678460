// One process of several on a store's file: `child.js ROLE PATH …`. Says a line when it is ready, and does on a line
// what is left.
import { createInterface } from "node:readline";
import * as pkg from "l402-fetch";
import { fileStore } from "l402-fetch/stores/file";

const [role, path, ...args] = process.argv.slice(2);
const store = fileStore(path);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = () => lines.next();
const forever = () => new Promise(() => {});

const roles = {
  async count(times) {
    for (let time = 0; time < Number(times); time++) {
      await store.lock("counter", async () => store.set("a", String(Number((await store.get("a")) ?? 0) + 1)));
    }
    console.log("done");
  },
  grow: () =>
    store.set("a", "x".repeat(1_000_000)).then(
      () => console.log("written"),
      (error) => console.log(error.code),
    ),
  hold: (name) =>
    store.lock(name, () => {
      console.log("held");
      return forever();
    }),
  hang: () =>
    store.lock("l402-fetch/ledger", async () => {
      await store.set("a", "before");
      console.log("held");
      await hear();
      await store.set("a", "mine").then(
        () => console.log("written"),
        (error) => console.log(error.message),
      );
      await forever();
    }),
  async buy(url, _base, other, shop, total = "100", query = "") {
    const wallet = async ({ paymentRequest }) =>
      (await fetch(`${other}/wallet/${shop}/pay?${query}`, { method: "POST", body: paymentRequest })).json();
    const pay = pkg.createFetch({
      wallet,
      limits: { perPayment: 100, total: Number(total) },
      networks: ["regtest"],
      store,
    });
    console.log("ready");
    await hear();
    try {
      const response = await pay(url);
      console.log(JSON.stringify({ status: response.status, paidNow: pkg.receiptOf(response).paidNow }));
    } catch (error) {
      console.log(JSON.stringify({ code: error.code ?? String(error) }));
    }
  },
};
// nothing else keeps some runtimes up
const alive = setInterval(() => {}, 1000);
await roles[role](...args);
clearInterval(alive);
process.exit(0);
