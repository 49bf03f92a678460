// Which addresses a model may reach: every notation of every range that is not of the internet.
import assert from "node:assert/strict";
import test from "node:test";
import { mustBeInReach, resolved } from "../../src/js/agents/address.js";

const nobody = () => false;
const unknown = async () => [];
const reach = (url, lookup = unknown, allows = nobody) => mustBeInReach(new URL(url), allows, lookup);
const refuses = (url, lookup, allows) => assert.rejects(reach(url, lookup, allows), { code: "host_not_allowed" }, url);

const PRIVATE = [
  "0.0.0.0",
  "10.0.0.1",
  "10.255.255.255",
  "100.64.0.1",
  "100.127.255.255",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  // Azure's own services, within its machines.
  "168.63.129.16",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.170",
  "192.0.2.1",
  "192.88.99.1",
  "192.168.0.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "239.255.255.255",
  "240.0.0.1",
  "255.255.255.255",
];
const PUBLIC = [
  "1.1.1.1",
  "8.8.8.8",
  "9.255.255.255",
  "11.0.0.1",
  "100.63.255.255",
  "100.128.0.1",
  "126.0.0.1",
  "128.0.0.1",
  "168.63.129.17",
  "168.63.12.16",
  "169.253.0.1",
  "172.15.255.255",
  "172.32.0.1",
  "192.1.0.1",
  "192.167.0.1",
  "192.169.0.1",
  "198.17.0.1",
  "198.20.0.1",
  "203.0.112.1",
  "223.255.255.255",
];
const groups = (ip) => {
  const [a, b, c, d] = ip.split(".").map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
};

test("IPv4 addresses that are not of the internet are refused, in every notation that URLs know", async () => {
  for (const ip of PRIVATE) {
    const [a, b, c, d] = ip.split(".").map(Number);
    const whole = ((a * 256 + b) * 256 + c) * 256 + d;
    const hex = (part) => `0x${part.toString(16)}`;
    for (const host of [
      ip,
      `${ip}.`,
      String(whole),
      hex(whole),
      `0${whole.toString(8)}`,
      [a, b, c, d].map(hex).join("."),
      `${a}.${(b * 256 + c) * 256 + d}`,
      `${hex(a)}.0${b.toString(8)}.${c * 256 + d}`,
      ip.replaceAll(".", "。"),
      ip.replaceAll("1", "１"),
      ip.replace(".", "%2e"),
      `[::ffff:${ip}]`,
      `[::ffff:${groups(ip)}]`,
      `[0:0:0:0:0:FFFF:${groups(ip)}]`,
      `[64:ff9b::${ip}]`,
    ])
      for (const scheme of ["http", "https"]) await refuses(`${scheme}://${host}:8080/x`);
  }
});

test("IPv4 addresses of the internet are in reach, in IPv6 too", async () => {
  for (const ip of PUBLIC)
    for (const host of [ip, `[::ffff:${ip}]`, `[64:ff9b::${groups(ip)}]`]) await reach(`http://${host}/`);
});

test("IPv6 addresses that are not global unicast are refused, with those of tunnels and documentation", async () => {
  for (const ip of [
    "::",
    "::1",
    "::7f00:1",
    "::2:3",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "ff02::1",
    "100::1",
    "64:ff9b:1::a00:1",
    "2001::1",
    "2001:1ff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "1fff::1",
  ])
    await refuses(`https://[${ip}]/`);
  for (const ip of [
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2001:200::1",
    "2a00:1450:4001:830::200e",
    "3ffe::1",
  ])
    await reach(`https://[${ip}]/`);
});

test("names of a machine or a network of one's own are refused, without a lookup", async () => {
  const asked = [];
  const lookup = async (name) => asked.push(name) && [];
  for (const name of [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost..",
    "a.localhost",
    "printer.local",
    "printer.local.",
    "metadata.google.internal",
    "metadata",
    "redis",
    "router.lan",
    "nas.home.arpa",
    "ｌocalhost",
  ])
    await refuses(`http://${name}/`, lookup);
  assert.deepEqual(asked, []);
  for (const name of ["local.example.com", "internal.com", "localhost.example.org", "mylocal.net"])
    await reach(`https://${name}/`, lookup);
  assert.deepEqual(asked, ["local.example.com", "internal.com", "localhost.example.org", "mylocal.net"]);
});

test("a name is refused if one of its addresses is not of the internet", async () => {
  for (const ip of [...PRIVATE, "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "fd00::1", "64:ff9b::7f00:1"])
    await refuses("https://evil.example.com/", async () => ["93.184.216.34", ip]);
  await reach("https://good.example.com/", async () => ["93.184.216.34", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]);
});

test("a name that can't be resolved here is left to fetch, and Tor's are not looked up", async () => {
  await reach("https://proxied.example.com/", () => Promise.reject(new Error("ENOTFOUND")));
  await reach("http://abc.onion/", () => assert.fail("looked up"));
});

test("other schemes, and users and passwords, are refused even where the host is allowed", async () => {
  for (const url of [
    "file:///etc/passwd",
    "ftp://example.com/",
    "data:text/plain,a",
    "blob:https://example.com/1",
    "javascript:alert(1)",
    "ws://example.com/",
    "https://user@example.com/",
    "https://:secret@example.com/",
  ])
    await refuses(url, unknown, () => true);
});

test("what the developer allows is in reach", async () => {
  await reach("http://127.0.0.1:8080/", unknown, (url) => url.port === "8080");
  await reach(
    "http://home.local/",
    () => assert.fail("looked up"),
    () => true,
  );
});

test("the runtime's own lookup tells the addresses of localhost", async () => {
  const addresses = await resolved("localhost");
  assert.ok(addresses.includes("127.0.0.1") || addresses.includes("::1"), addresses.join());
});
