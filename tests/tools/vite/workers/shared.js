const worker = new SharedWorker(new URL("./worker-page.js", import.meta.url), { type: "module" });
worker.port.onmessage = ({ data }) => (globalThis.results = data);
worker.port.postMessage(location.search);
