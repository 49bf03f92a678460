// A page: the suite here and in a worker, and what only IndexedDB does.
import { indexedDBStore } from "../../../../indexeddb.js";
import { runSuite } from "../../../runtimes/harness.js";
import suite from "../../rows-suite.js";

const query = Object.fromEntries(new URLSearchParams(location.search));

/** A database of somebody else's. Resolves with its connection. */
function openOther(name, version, upgrade = () => {}) {
  return new Promise((done, fail) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => upgrade(request.result);
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}
const settled = (request) =>
  new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
const newName = (word) => `${word}-${Math.random()}`;
const tasks = (store) => [
  () => store.read(["a"]),
  () => store.write({ a: "1" }, {}),
  () => store.list("", { limit: 1 }),
];

const cases = [
  {
    name: "a name that is no text: invalid_options",
    async run(t) {
      for (const name of ["", 5, null]) t.throws(() => indexedDBStore(name), "invalid_options");
    },
  },
  {
    name: "a write is one transaction, and asked to be on the disk",
    alone: true,
    async run(t) {
      const methods = IDBDatabase.prototype;
      const { transaction } = methods;
      const store = indexedDBStore(newName("durable"));
      await store.read(["a"]);
      const asked = [];
      methods.transaction = function (names, mode, options) {
        asked.push(`${mode} ${options?.durability}`);
        return transaction.call(this, names, mode, options);
      };
      try {
        await store.write({ a: "1", b: "1" }, { a: null, c: null });
      } finally {
        methods.transaction = transaction;
      }
      t.same(asked, ["readwrite strict"]);
    },
  },
  {
    name: "a database of a later version is not touched",
    async run(t) {
      const name = newName("later");
      (await openOther(name, 2, (database) => database.createObjectStore("other"))).close();
      for (const task of tasks(indexedDBStore(name))) t.ok(/later version/.test((await t.rejects(task())).message));
      const database = await openOther(name, 2);
      t.same([...database.objectStoreNames], ["other"]);
      database.close();
    },
  },
  {
    name: "another's database is not touched",
    async run(t) {
      const name = newName("other");
      (await openOther(name, 1, (database) => database.createObjectStore("other"))).close();
      for (const task of tasks(indexedDBStore(name)))
        t.ok(/not this package's/.test((await t.rejects(task())).message));
    },
  },
  {
    name: "a row that is no text: whatever meets it rejects, and writes nothing",
    async run(t) {
      const name = newName("damaged");
      const store = indexedDBStore(name);
      await store.write({ b: "1" }, {});
      const database = await openOther(name, 1);
      await settled(database.transaction("rows", "readwrite").objectStore("rows").put({ no: "text" }, "a"));
      database.close();
      for (const task of [
        () => store.read(["b", "a"]),
        () => store.write({ b: "2" }, { b: "1", a: "1" }),
        () => store.write({ b: "2" }, { a: null }),
        () => store.list("", { limit: 9 }),
      ])
        t.ok(/other than text/.test((await t.rejects(task())).message));
      t.same(await store.read(["b"]), ["1"]);
    },
  },
  {
    name: "a database that is deleted while it is open: the store goes on with a new one",
    async run(t) {
      const name = newName("deleted");
      const store = indexedDBStore(name);
      await store.write({ a: "1" }, {});
      await settled(indexedDB.deleteDatabase(name));
      t.same(await store.read(["a"]), [null]);
      t.equal(await store.write({ a: "2" }, { a: null }), true);
    },
  },
  {
    name: "a deletion that somebody holds up is waited for",
    async run(t) {
      const name = newName("blocked");
      const store = indexedDBStore(name);
      await store.write({ a: "1" }, {});
      const holder = await openOther(name, 1);
      const deletion = indexedDB.deleteDatabase(name);
      const deleted = settled(deletion);
      await new Promise((blocked) => {
        deletion.onblocked = blocked;
      });
      const reading = store.read(["a"]);
      holder.close();
      await deleted;
      t.same(await reading, [null]);
    },
  },
  {
    name: "a transaction that the browser ends: rejects, and nothing is written",
    alone: true,
    async run(t) {
      const store = indexedDBStore(newName("ended"));
      await store.write({ a: "1", b: "1" }, {});
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value, key) {
        const request = put.call(this, value, key);
        if (key === "b") this.transaction.abort();
        return request;
      };
      try {
        await t.rejects(store.write({ a: "2", b: "2" }, { a: "1" }));
      } finally {
        IDBObjectStore.prototype.put = put;
      }
      t.same(await store.read(["a", "b"]), ["1", "1"]);
    },
  },
  {
    name: "a page and a worker count at once, and lose nothing",
    async run(t) {
      const name = newName("shared");
      const counted = inWorker({ count: 40, name });
      const store = indexedDBStore(name);
      for (let left = 40; left > 0; ) {
        const [value] = await store.read(["count"]);
        if (await store.write({ count: String(Number(value ?? 0) + 1) }, { count: value })) left--;
      }
      await counted;
      t.same(await store.read(["count"]), ["80"]);
    },
  },
];

/** What the worker answers to a message. */
function inWorker(message) {
  const worker = new Worker("/worker.js", { type: "module" });
  return new Promise((done, fail) => {
    worker.onmessage = ({ data }) => {
      worker.terminate();
      done(data);
    };
    worker.onerror = (event) => fail(new Error(event.message));
    worker.postMessage(message);
  });
}

const context = { open: indexedDBStore, runtime: query.runtime, times: Number(query.times), lists: 100 };
if (query.plain) {
  // as on a page without https, which has no Web Locks
  const few = [...suite.filter(({ name }) => !/random|read as one/.test(name)), ...cases.slice(-1)];
  globalThis.results = [
    { name: "the context is not secure", ok: !globalThis.isSecureContext && !navigator.locks, error: "it is" },
    ...(await runSuite(few, context)),
  ];
} else {
  globalThis.results = [
    ...(await runSuite([...suite, ...cases], context)),
    ...(await inWorker({ suite: true, runtime: query.runtime })),
  ];
}
