// The suite in a worker, or in a service worker: both are sent the query of the page, and answer with the results.
import * as pkg from "l402-fetch/inline";
import { indexedDBStore } from "l402-fetch/stores/indexeddb";
import { runSuite } from "../runtimes/harness.js";
import suite from "./suite.js";

addEventListener("message", (message) => {
  const { context, port } = message.data;
  const done = runSuite(suite, { pkg, ...context, open: indexedDBStore }).then((results) => port.postMessage(results));
  message.waitUntil?.(done);
});
