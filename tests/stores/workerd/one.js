// capnp: bindings = [
// capnp:   (name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "ledger")),
// capnp:   (name = "CACHE", kvNamespace = "kv"),
// capnp: ],
export { default } from "../buyer.js";
