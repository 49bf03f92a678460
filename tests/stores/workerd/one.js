// capnp: bindings = [(name = "LEDGER", durableObjectNamespace = (className = "L402Ledger", serviceName = "ledger"))],
export { default } from "../fleet.js";
