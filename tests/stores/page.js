// A page: the suite here, then in a worker and in a service worker that both use the same origin's databases.
import * as pkg from "l402-fetch";
import { indexedDBStore } from "l402-fetch/stores/indexeddb";
import { runSuite } from "../runtimes/harness.js";
import { openShop } from "../runtimes/shop.js";
import suite from "./suite.js";

const context = { pkg, ...Object.fromEntries(new URLSearchParams(location.search)), open: indexedDBStore };

function withDatabase(name, version, task) {
  return new Promise((done, fail) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => task?.(request.result);
    request.onsuccess = () => {
      request.result.close();
      done();
    };
    request.onerror = () => fail(request.error);
  });
}

const cases = [
  {
    name: "a name that is no text: invalid_options",
    async run(t) {
      for (const name of ["", 5, null]) t.throws(() => indexedDBStore(name), "invalid_options");
    },
  },
  {
    name: "each transaction is asked to be on the disk when it is complete",
    alone: true,
    async run(t) {
      const methods = IDBDatabase.prototype;
      const { transaction } = methods;
      const asked = [];
      methods.transaction = function (names, mode, options) {
        asked.push(`${mode} ${options?.durability}`);
        return transaction.call(this, names, mode, options);
      };
      try {
        const store = indexedDBStore(`durable-${Math.random()}`);
        await store.set("a", "1");
        await store.delete("a");
      } finally {
        methods.transaction = transaction;
      }
      t.same(asked, ["readwrite strict", "readwrite strict"]);
    },
  },
  {
    name: "a database of a later version is not touched, and nothing is paid",
    async run(t) {
      const name = `later-${Math.random()}`;
      await withDatabase(name, 2, (database) => database.createObjectStore("other"));
      const shop = openShop(t);
      const error = await t.rejects(shop.client({ store: indexedDBStore(name) })(shop.url("a")), "store_failed");
      t.ok(/later version/.test(error.cause.message), error.cause.message);
      await withDatabase(name, 2);
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
  {
    name: "another's database is not touched",
    async run(t) {
      const name = `other-${Math.random()}`;
      await withDatabase(name, 1, (database) => database.createObjectStore("other"));
      t.ok(/not this package's/.test((await t.rejects(indexedDBStore(name).get("a"))).message));
    },
  },
  {
    name: "without Web Locks nothing is paid",
    alone: true,
    async run(t) {
      const shop = openShop(t);
      Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
      try {
        const error = await t.rejects(
          shop.client({ store: indexedDBStore(`unlocked-${Math.random()}`) })(shop.url("a")),
          "store_failed",
        );
        t.ok(/https/.test(error.cause.message), error.cause.message);
      } finally {
        delete navigator.locks;
      }
      await shop.counts({ payments: 0, asked: 0 });
    },
  },
];

/** The suite's results in a worker, under its name. */
function elsewhere(where, worker) {
  const { port1, port2 } = new MessageChannel();
  const { runtime, base, other } = context;
  worker.postMessage({ context: { runtime: `${runtime}-${where}`, base, other }, port: port2 }, [port2]);
  return new Promise((done) => {
    port1.onmessage = ({ data }) => done(data.map((result) => ({ ...result, name: `${where}: ${result.name}` })));
  });
}

async function serviceWorker() {
  await navigator.serviceWorker.register("/worker.js");
  return (await navigator.serviceWorker.ready).active;
}

globalThis.results = [
  ...(await runSuite([...suite, ...cases], context)),
  ...(await elsewhere("worker", new Worker("/worker.js"))),
  ...(await elsewhere("service worker", await serviceWorker())),
];
