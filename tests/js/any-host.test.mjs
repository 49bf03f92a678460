// The core reads the hosts of URLs and patterns as the platform's own URL does.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { challenge } from "../support/mint.mjs";

const { createFetch } = await import("../../dist/node.js");

const labels = fc.constantFrom(
  "a",
  "b",
  "api",
  "xn--bcher-kva",
  "bücher",
  "localhost",
  "127",
  "A",
  "example",
  "evil-example",
  "1",
  "0x7f",
  "☃",
);
const names = fc.oneof(
  fc.array(labels, { minLength: 1, maxLength: 4 }).map((list) => list.join(".")),
  fc.constantFrom(
    "localhost",
    "a.localhost",
    "localhost.",
    "notlocalhost",
    "127.0.0.1",
    "127.1",
    "127.255.0.9",
    "128.0.0.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[0:0::1]",
    "[::ffff:127.0.0.1]",
    "[::2]",
    "example.com",
    "api.example.com",
    "evilexample.com",
    "example.com.",
    "example.com.evil.example",
    "127.0.0.1.example",
    "shop.onion",
    "shop.onion.example",
  ),
);
const ports = fc.constantFrom("", "", ":80", ":443", ":8443", ":0443", ":1");
const urls = fc
  .tuple(
    fc.constantFrom("https://", "http://", "HTTPS://", "https:\\\\"),
    fc.constantFrom("", "", "user@", "user:secret@", "@"),
    names,
    ports,
    fc.constantFrom("", "/", "/x", "?x", "#x", "/@evil.example/", "/x?https://evil.example", "\\@evil.example", "//x"),
  )
  .map((parts) => parts.join(""));
const patterns = fc
  .tuple(fc.constantFrom("", "", "*.", "https://", "http://"), names, ports)
  .map((parts) => parts.join(""));

const lists = fc.option(fc.array(patterns, { maxLength: 3 }), { nil: undefined });

const parsed = (url) => {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
};

const isLoopback = ({ hostname }) => /^(localhost|.+\.localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/.test(hostname);

function allows(pattern, url) {
  if (/^https?:\/\//i.test(pattern)) return new URL(pattern).origin === url.origin;
  const [, wildcard, host, port] = /^(\*\.)?(.*?)(?::(\d+))?$/.exec(pattern);
  const { hostname } = new URL(`http://${host}`);
  const isHost = wildcard ? url.hostname.endsWith(`.${hostname}`) : url.hostname === hostname;
  return isHost && (port === undefined || Number(port) === Number(url.port || (url.protocol === "https:" ? 443 : 80)));
}

test("hosts and transport are checked as the platform reads them", async () => {
  const seen = {};
  await fc.assert(
    fc.asyncProperty(urls, lists, lists, async (given, hosts, insecureHosts) => {
      const url = parsed(given);
      fc.pre(url !== undefined);
      let pay;
      let asked = 0;
      try {
        pay = createFetch({
          wallet: () => assert.fail("nothing is to be paid"),
          hosts,
          insecureHosts,
          limits: { perPayment: 100 },
          networks: ["regtest"],
          approve: ({ origin }) => {
            assert.equal(origin, url.origin);
            asked++;
            return false;
          },
          fetch: async () =>
            new Response("", { status: 402, headers: { "www-authenticate": challenge(new Uint8Array(32)) } }),
        });
      } catch (error) {
        return assert.equal(error.code, "invalid_options");
      }
      const code = await pay(given).then(
        () => "handed back",
        (error) => error.code ?? error,
      );
      const isSafe =
        url.protocol === "https:" ||
        isLoopback(url) ||
        url.hostname.endsWith(".onion") ||
        insecureHosts?.some((pattern) => allows(pattern, url));
      const expected =
        url.username || url.password
          ? "handed back"
          : !isSafe
            ? "insecure_transport"
            : hosts && !hosts.some((pattern) => allows(pattern, url))
              ? "host_not_allowed"
              : "declined";
      assert.equal(code, expected);
      assert.equal(asked, Number(code === "declined"));
      seen[code] = (seen[code] ?? 0) + 1;
    }),
    { numRuns: 1000 },
  );
  for (const code of ["insecure_transport", "host_not_allowed", "declined"])
    assert.ok(seen[code] > 20, `${code}: ${seen[code]}`);
});
