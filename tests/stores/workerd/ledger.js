// The Worker that has the Durable Object; on its disk, one file for each object.
// capnp: durableObjectNamespaces = [(className = "L402Ledger", uniqueKey = "l402-fetch-ledger", enableSql = true)],
// capnp: durableObjectStorage = (localDisk = "disk"),
export { L402Ledger } from "l402-fetch/stores/durable-object/ledger";

export default { fetch: () => new Response("this Worker has an object only", { status: 404 }) };
