// Calls of one instance, and what they leave behind: for Node and for a page. No network: what it keeps is not ours.
import { challenge } from "./mint.mjs";

/** The exports of the core that is loaded after this module. Node's own fetch brings a wasm of its own. */
let wasm;
const note = (exports) => {
  if ("__wbindgen_externrefs" in exports) wasm = exports;
};
const { instantiate, Instance } = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const made = await instantiate(...args);
  note((made.instance ?? made).exports);
  return made;
};
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    note(this.exports);
  }
};

/** Bytes of the core's memory, and slots of its table of JavaScript values. Neither ever shrinks. */
export const core = () => ({
  memory: wasm?.memory.buffer.byteLength ?? 0,
  values: wasm?.__wbindgen_externrefs.length ?? 0,
});

const preimages = new Map();

// Ten minutes pass between two payments, so that old invoices have expired, and their payments may go.
const BETWEEN = 600_000;
let clock = Date.now();

async function sold() {
  const preimage = crypto.getRandomValues(new Uint8Array(32));
  const header = challenge(new Uint8Array(await crypto.subtle.digest("SHA-256", preimage)), clock);
  preimages.clear(); // one call after another: no earlier one is paid any more
  preimages.set(
    /invoice="([^"]+)"/.exec(header)[1],
    Array.from(preimage, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  );
  return new Response("pay first", { status: 402, headers: { "www-authenticate": header } });
}

const authorization = (init) => new Headers(init?.headers).get("authorization");
const used = new Set();

/** What a server makes of a call, by kind. */
export const KINDS = {
  "nothing to pay": () => new Response("sunny"),
  "a reused token": (init) => (authorization(init) ? new Response("sunny") : sold()),
  // each token is good once, so that every call pays
  paid: (init) => {
    const token = authorization(init);
    if (!token || used.has(token)) return sold();
    used.clear();
    used.add(token);
    return new Response("sunny");
  },
};

/**
 * An instance with these options beside its own. This kind of server answers all its calls: `calls(count)` makes so
 * many, one after another.
 */
export function instance(createFetch, kind, options = {}) {
  let payments = 0;
  const pay = createFetch({
    wallet({ paymentRequest }) {
      payments++;
      clock += BETWEEN;
      return preimages.get(paymentRequest);
    },
    now: () => clock,
    limits: { perPayment: 100 },
    networks: ["regtest"],
    fetch: async (_, init) => KINDS[kind](init),
    ...options,
  });
  return {
    pay,
    async calls(count, init) {
      for (let i = 0; i < count; i++) {
        const response = await pay("http://localhost/weather", init);
        if (response.status !== 200) throw new Error(`${kind}: answered ${response.status}`);
        await response.text();
      }
      return payments;
    },
  };
}
