// Loads the wasm by URL. Bundlers know the form `new URL("…", import.meta.url)` and copy the file.
import { loader } from "../core/once.js";

// The fetch of this moment: by the first load the page may have replaced it by a paying fetch, which needs the core.
const fetch = globalThis.fetch;

export const load = /* @__PURE__ */ loader(async () => {
  let url: string | undefined;
  const fetching = (async () => {
    url = new URL("../l402_fetch.wasm", import.meta.url).href;
    return fetch(url);
  })();
  fetching.catch(() => {}); // fetched.js says what was wrong
  return (await import("./fetched.js")).start(fetching, url);
});
