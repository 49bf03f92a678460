// In a worker: the suite, or counting as often as it is told.
import { indexedDBStore } from "../../../../indexeddb.js";
import { runSuite } from "../../../runtimes/harness.js";
import suite from "../../rows-suite.js";

addEventListener("message", async ({ data }) => {
  if (data.suite) {
    const context = { open: indexedDBStore, runtime: `${data.runtime}-worker`, times: 200, lists: 30 };
    const results = await runSuite(suite, context);
    postMessage(results.map((result) => ({ ...result, name: `worker: ${result.name}` })));
    return;
  }
  const store = indexedDBStore(data.name);
  for (let left = data.count; left > 0; ) {
    const [value] = await store.read(["count"]);
    if (await store.write({ count: String(Number(value ?? 0) + 1) }, { count: value })) left--;
  }
  postMessage("done");
});
