// The cases that must pass in every runtime. Each gets `t`: `pkg` (the package's namespace), `base` and `other` (the
// paywall under two origins), `nodes` (wallets' APIs), `runtime` (its name), `workers` (URLs of further Workers, in
// workerd), `AsyncLocalStorage` (outside browsers) and the harness's assertions.
import abort from "./cases/abort.js";
import agents from "./cases/agents.js";
import bodies from "./cases/bodies.js";
import browsers from "./cases/browsers.js";
import bound from "./cases/bound.js";
import charges from "./cases/charges.js";
import contexts from "./cases/contexts.js";
import events from "./cases/events.js";
import limits from "./cases/limits.js";
import network from "./cases/network.js";
import nodes from "./cases/nodes.js";
import options from "./cases/options.js";
import parallel, { manyMore } from "./cases/parallel.js";
import parsing from "./cases/parsing.js";
import paying from "./cases/paying.js";
import payments from "./cases/payments.js";
import quote from "./cases/quote.js";
import recovery from "./cases/recovery.js";
import redirects from "./cases/redirects.js";
import refusals from "./cases/refusals.js";
import reuse from "./cases/reuse.js";
import scopes from "./cases/scopes.js";
import sessions from "./cases/sessions.js";
import store from "./cases/store.js";
import testing from "./cases/testing.js";
import testingByHand from "./cases/testing-by-hand.js";
import testingFaults from "./cases/testing-faults.js";
import wallets from "./cases/wallets.js";
import workerd from "./cases/workerd.js";

const everywhere = [
  parsing,
  options,
  paying,
  bound,
  charges,
  sessions,
  quote,
  wallets,
  nodes,
  refusals,
  recovery,
  reuse,
  redirects,
  bodies,
  network,
  abort,
  events,
  limits,
  payments,
  scopes,
  agents,
  store,
  testing,
  testingByHand,
  testingFaults,
  parallel,
].flat();
const own = {
  node: [contexts, manyMore].flat(),
  deno: contexts,
  bun: contexts,
  workerd: [contexts, workerd].flat(),
  chromium: browsers,
  firefox: browsers,
  webkit: browsers,
};

/** The cases for a runtime: those for all, then those for it alone. */
export const casesFor = (runtime) => [...everywhere, ...(own[runtime] ?? [])];
