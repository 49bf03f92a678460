// The peers as a page gets them.

/** For esbuild: modules of Node, which the peers name and do without in a page, are empty. */
export const withoutNode = {
  name: "without-node",
  setup({ onLoad, onResolve }) {
    onResolve(
      { filter: /^(assert|crypto|events|fs|http|https|net|os|path|stream|tls|url|util|zlib)$/ },
      ({ path }) => ({ path, namespace: "nothing" }),
    );
    onLoad({ filter: /./, namespace: "nothing" }, () => ({ contents: "" }));
  },
};

/** Clients that pay L402 on npm: what a page imports to have one. */
export const CLIENTS = {
  "@getalby/lightning-tools fetch402": `export { fetch402 } from "@getalby/lightning-tools/402";`,
  "l402, an interceptor of axios": `export { setupL402Interceptor } from "l402";`,
};
