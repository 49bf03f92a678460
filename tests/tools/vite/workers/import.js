import PageWorker from "./worker-page.js?worker";

const worker = new PageWorker();
worker.onmessage = ({ data }) => (globalThis.results = data);
worker.postMessage(location.search);
