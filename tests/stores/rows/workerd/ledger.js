// The Worker that has the Durable Object; on its disk, one file for each object.
// capnp: durableObjectNamespaces = [
// capnp:   (className = "L402Ledger", uniqueKey = "l402-fetch-rows", enableSql = true),
// capnp:   (className = "OldLedger", uniqueKey = "l402-fetch-old-rows"),
// capnp: ],
// capnp: durableObjectStorage = (localDisk = "disk"),
import { L402Ledger } from "../../../../durable-object/ledger.js";

export { L402Ledger };
/** The same class, on storage without SQLite. */
export class OldLedger extends L402Ledger {}

export default { fetch: () => new Response("this Worker has an object only", { status: 404 }) };
