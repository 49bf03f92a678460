const worker = new Worker(new URL("./worker-page.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => (globalThis.results = data);
worker.postMessage(location.search);
