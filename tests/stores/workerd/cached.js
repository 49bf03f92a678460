// capnp: bindings = [(name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "ledger")),
// capnp:   (name = "CACHE", kvNamespace = "kv")],
export { default } from "../fleet.js";
