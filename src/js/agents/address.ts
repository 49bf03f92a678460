// Which addresses a model may reach. It may have been talked into an address by a page that it has read, so nothing of
// the developer's own machine and network is in reach.
import { L402Error } from "../core/error.js";

/** Gives the IP addresses that a name stands for. Rejects if nobody can tell. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** Names without a dot, and those below these, belong to a machine or a network of one's own. */
const OWN = /^[^.]*$|\.(localhost|local|internal|localdomain|lan|intranet|corp|private|home|home\.arpa)$/;

/** What IANA's registry of special-purpose addresses does not call globally reachable, multicast, and Azure's own. */
const SPECIAL =
  /^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|192\.0\.[02]|192\.88\.99|198\.(1[89]|51\.100)|203\.0\.113|22[4-9]|2[345]\d)\.|^168\.63\.129\.16$/;

/**
 * Rejects with `host_not_allowed` if a model may not reach this URL: another scheme than http, a user or password, an
 * address that is not of the internet, or a name that stands for one. `allows` says which hosts the developer allows.
 */
export async function mustBeInReach(url: URL, allows: (url: URL) => boolean, lookup: Lookup): Promise<void> {
  if (!/^https?:$/.test(url.protocol)) throw refused(url, "is neither http nor https");
  if (url.username || url.password) throw refused(url, "holds a user or a password");
  if (allows(url)) return;
  const name = url.hostname.replace(/\.+$/, "");
  const isAddress = /^\[|^[\d.]+$/.test(name);
  if (isAddress ? !isPublic(name) : OWN.test(name)) throw refused(url, PRIVATE);
  // Tor resolves these names itself, and nobody else is to learn of them.
  if (isAddress || name.endsWith(".onion")) return;
  // A name that can't be resolved here is left to fetch: it may go through a proxy that can.
  const addresses = await lookup(name).catch(() => []);
  if (!addresses.every(isPublic)) throw refused(url, PRIVATE);
}

const PRIVATE = "is an address of this machine or of a private network, which the developer has not allowed";

const refused = (url: URL, why: string) =>
  new L402Error("host_not_allowed", `${url.protocol}//${url.host} ${why}: no request was sent there`);

/** The runtime's own lookup. A runtime that has none, such as a page, can't tell. */
export async function resolved(hostname: string): Promise<string[]> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: "node:dns"): Dns } };
  const found = (await process?.getBuiltinModule?.("node:dns").promises.lookup(hostname, { all: true })) ?? [];
  return found.map(({ address }) => address);
}
interface Dns {
  promises: { lookup(hostname: string, options: { all: true }): Promise<{ address: string }[]> };
}

/** Whether an address is one of the internet. It is written as in URLs, or as lookups write it. */
function isPublic(address: string): boolean {
  if (!address.includes(":")) return !SPECIAL.test(address);
  // The URL parser writes all notations alike. It knows no zones.
  const plain = new URL(`http://[${address.replace(/^\[|\]$|%.*/g, "")}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = plain.split("::").map((side) => side.split(":").filter(Boolean));
  const zeros = new Array(8 - head.length - tail.length).fill("0");
  const groups = [...head, ...zeros, ...tail].map((group) => parseInt(group, 16));
  const [first, second, , , , , high, low] = groups as [number, number, ...number[]];
  // An IPv4 address within IPv6, and within the prefix by which NAT64 translates.
  if (/^(0,0,0,0,0,65535|100,65435,0,0,0,0),/.test(groups.join()))
    return isPublic([high, low].flatMap((group = 0) => [group >> 8, group & 255]).join("."));
  // Global unicast addresses, without those for tunnels and documentation.
  const isSpecial = first === 0x2001 ? second < 0x200 || second === 0xdb8 : first === 0x2002 || first === 0x3fff;
  return first >= 0x2000 && first < 0x4000 && !isSpecial;
}
