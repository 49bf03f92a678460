// A page that has workers as its buyers: a browser that is driven by one page at a time has two of them all the same.
const workers = new Map();

globalThis.page = {
  start(query) {
    workers.set(query, new Worker(`/worker.js?${query}`, { type: "module" }));
    return true;
  },
  stop(query) {
    workers.get(query)?.terminate();
    return workers.delete(query);
  },
};
globalThis.results = true;
