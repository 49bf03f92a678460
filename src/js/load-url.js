// The wasm is a file beside this one. Bundlers know the form `new URL("…", import.meta.url)` and copy the file.
import { loadFailed } from "./error.js";
import { once } from "./once.js";

// taken now: by the time of the first load the page may have put a paying fetch in its place, which needs the core
const fetch = globalThis.fetch;

export const load = once(async () => {
  let url;
  try {
    url = new URL("./l402_fetch.wasm", import.meta.url).href;
  } catch (cause) {
    throw loadFailed('the wasm core has no address in this bundle: import "l402-fetch/inline", which has it inside', cause);
  }
  const fetching = (async () => fetch(url))();
  fetching.catch(() => {}); // load.js says what was wrong
  const { compileFrom, start } = await import("./load.js").catch((cause) => {
    throw loadFailed(`load.js is not to be had beside ${url}: deploy it there, or import "l402-fetch/inline"`, cause);
  });
  return start(await compileFrom(url, fetching), url);
});
