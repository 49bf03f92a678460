// What must hold in every runtime. Each case gets `t`: `pkg` (the package's namespace), `base` and `other` (the paywall
// under two origins), `runtime` (its name), `workers` (URLs of further Workers, in workerd) and the harness's assertions.
import abort from "./cases/abort.js";
import bodies from "./cases/bodies.js";
import limits from "./cases/limits.js";
import parallel from "./cases/parallel.js";
import paying from "./cases/paying.js";
import recovery from "./cases/recovery.js";
import redirects from "./cases/redirects.js";
import refusals from "./cases/refusals.js";
import reuse from "./cases/reuse.js";
import store from "./cases/store.js";
import wallets from "./cases/wallets.js";

export const cases = [paying, wallets, refusals, recovery, reuse, redirects, bodies, abort, parallel, limits, store].flat();
