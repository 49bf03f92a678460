// The servers, and what each does with a token. A trace has a request an entry: the scheme of its credential, or "-",
// and the status of the answer.

const first = (scheme) => ["- 402", `${scheme} 200`];
const reused = (scheme) => [`${scheme} 200`];
/** A credential is refused with this status, and then another is bought. */
const renewed = (scheme, status) => [`${scheme} ${status}`, ...first(scheme)];

/** A server whose tokens open any of its resources as often as one likes. */
const reusable = (scheme) => ({
  bought: first(scheme),
  again: [reused(scheme), reused(scheme)],
  other: reused(scheme),
});

/**
 * - `program`: its file in programs/, and `args` for it; cargo builds the one that has none.
 * - `paths`: two resources that it sells.
 * - `protocol`: what a receipt says. `field`: the header that carries a credential.
 * - `bought`: the trace of a first purchase. `again`: of two more calls for the same. `other`: of a call for the other
 *   resource instead.
 * - `used`: the status of a credential that is good for one request, when it comes again.
 * - `expired`: the trace of a call 25 hours after the purchase, where the client's clock `agrees` with the server's,
 *   and where it is `behind`: it stands where it stood.
 * - `untouched`: a server that makes no offer a client can read. The status of its answer, and the events of a call.
 */
const ALL = {
  "l402kit 1.10.1 (PyPI, FastAPI)": {
    program: "l402kit-fastapi.py",
    bought: first("L402"),
    // two refusals, and its tokens are known to be good for one request
    again: [renewed("L402", 401), renewed("L402", 401), first("L402")],
    other: renewed("L402", 401),
    used: 401,
    expired: { agrees: renewed("L402", 402), behind: renewed("L402", 402) },
  },
  "lightning-toll 0.1.1 (PyPI, FastAPI)": {
    program: "lightning-toll.py",
    ...reusable("L402"),
    // bound to a path by a caveat in a form of its own, which a client can't read
    other: renewed("L402", 401),
    expired: { agrees: renewed("L402", 401), behind: renewed("L402", 401) },
  },
  "pylsat 0.2.6 (PyPI, FastAPI)": {
    program: "pylsat-fastapi.py",
    protocol: "lsat",
    bought: first("LSAT"),
    // 403 is no offer: it is handed back, and the token is not tried there again
    again: [["LSAT 403"], first("LSAT"), ["LSAT 403"], first("LSAT"), first("LSAT")],
    other: renewed("LSAT", 403),
    used: 403,
    expired: { agrees: first("LSAT"), behind: ["LSAT 403"] },
  },
  "lightning-memory 0.7.0 (PyPI, its gateway)": {
    program: "lightning-memory.py",
    paths: ["/memory/list", "/memory/query?q=rain"],
    ...reusable("L402"),
    expired: { agrees: renewed("L402", 401), behind: renewed("L402", 401) },
  },
  "aipp-sdk 1.3.1 (PyPI, FastAPI), its L402Middleware": {
    program: "aipp-sdk.py",
    args: ["L402Middleware"],
    ...reusable("L402"),
    expired: { agrees: renewed("L402", 402), behind: renewed("L402", 402) },
  },
  // an offer of x402 in a form of its own stands beside that of L402
  "aipp-sdk 1.3.1 (PyPI, FastAPI), its DualMiddleware": {
    program: "aipp-sdk.py",
    args: ["DualMiddleware"],
    ...reusable("L402"),
    expired: { agrees: renewed("L402", 402), behind: renewed("L402", 402) },
  },
  "conduit-lightning 0.2.0 (PyPI, FastAPI)": {
    program: "conduit-lightning.py",
    ...reusable("L402"),
    expired: { agrees: first("L402"), behind: renewed("L402", 401) },
  },
  "l402 0.0.8 (PyPI, Flask)": { program: "l402-flask.py", ...reusable("L402") },
  "l402 0.0.8 (PyPI, FastAPI)": { program: "l402-fastapi.py", untouched: { status: 500, events: [] } },
  "discourse-toll 0.1.1 (PyPI, FastAPI)": {
    program: "discourse-toll.py",
    untouched: { status: 402, events: ["unpayable no_challenge"] },
  },
  "pympp 0.16.0 (PyPI, FastAPI)": {
    program: "pympp-charge.py",
    protocol: "mpp",
    bought: first("Payment"),
    // its own error for a charge that was used is 403 without an offer
    again: [["Payment 403"], first("Payment"), ["Payment 403"], first("Payment"), first("Payment")],
    other: renewed("Payment", 402),
    used: 403,
  },
  // its challenge says header="Payment-Authorization", and its Authorization is the caller's own
  "pympp 0.16.0 (PyPI, FastAPI), with requires_auth": {
    program: "pympp-charge.py",
    args: ["requires_auth"],
    field: "payment-authorization",
    protocol: "mpp",
    bought: first("Payment"),
    again: [["Payment 403"], first("Payment"), ["Payment 403"], first("Payment"), first("Payment")],
    other: renewed("Payment", 402),
    used: 403,
  },
  "mppx 0.11.0 (npm)": {
    program: "mppx-charge.mjs",
    protocol: "mpp",
    bought: first("Payment"),
    again: [renewed("Payment", 402), renewed("Payment", 402), first("Payment")],
    other: renewed("Payment", 402),
    used: 402,
  },
  "next-l402 0.1.0 (npm, with the classes of Next 16)": {
    program: "next-l402.mjs",
    ...reusable("L402"),
    // its token says when it expires, and the client heeds that; the server does not
    expired: { agrees: first("L402"), behind: reused("L402") },
  },
  "boltwall 6.0.3 with lsat-js 2.0.6 (npm, Express)": {
    program: "boltwall.mjs",
    protocol: "lsat",
    ...reusable("LSAT"),
    expired: { agrees: first("LSAT"), behind: renewed("LSAT", 401) },
  },
  "l402_middleware 2.3.5 (crates.io, Rocket), by path": {
    paths: ["/path/weather", "/path/news"],
    ...reusable("L402"),
    // bound to a path by a caveat that a client reads, and so is not tried for another
    other: first("L402"),
  },
  "l402_middleware 2.3.5 (crates.io, Rocket), by realm": {
    paths: ["/realm/weather", "/realm/news"],
    ...reusable("L402"),
  },
};

export const SERVERS = Object.entries(ALL).map(([name, traits]) => ({
  name,
  paths: ["/weather", "/news"],
  protocol: "l402",
  field: "authorization",
  ...traits,
}));
