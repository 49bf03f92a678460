import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { readChoice } from "../../scripts/demo-options.mjs";
import { startReal } from "../../scripts/demo-real.mjs";
import { RunError } from "../../scripts/lib.mjs";

const NODE = { lnd: "https://127.0.0.1:8080", macaroon: "00", shop: "https://shop.example/weather" };

test("without options the demo uses no nodes, whatever the environment holds", () => {
  assert.equal(
    readChoice({}, { LND_URL: "https://127.0.0.1:8080", LND_MACAROON: "00", SHOP_URL: "https://shop.example" }),
    null,
  );
});

test("--real starts its own network, unless the environment names a node", () => {
  assert.deepEqual(readChoice({ real: true }, {}), {});
  assert.deepEqual(readChoice({ real: true }, { LND_URL: "", SHOP_URL: "https://shop.example" }), {});
  const choice = readChoice({ real: true }, { LND_URL: NODE.lnd, LND_MACAROON: "00", SHOP_URL: NODE.shop });
  assert.deepEqual([choice.lnd, choice.macaroon, choice.shop], Object.values(NODE));
});

test("an option takes precedence over its variable", () => {
  const choice = readChoice({ ...NODE }, { LND_URL: "https://other.example", LND_CERT: "tls.cert" });
  assert.deepEqual([choice.lnd, choice.cert], [NODE.lnd, "tls.cert"]);
});

test("an option that is missing or makes no sense is named", () => {
  const table = [
    [{ macaroon: "00" }, /--lnd is missing/],
    [{ ...NODE, lnd: "127.0.0.1:8080" }, /--lnd needs a URL|--lnd needs an http or https URL/],
    [{ ...NODE, lnd: "ftp://127.0.0.1" }, /--lnd needs an http or https URL/],
    [{ ...NODE, macaroon: undefined }, /--macaroon is missing/],
    [{ ...NODE, shop: undefined }, /either --shop URL or --seller/],
    [{ ...NODE, seller: "127.0.0.1:10009" }, /either --shop URL or --seller/],
    [{ ...NODE, shop: "weather" }, /--shop needs a URL/],
    [{ ...NODE, shop: "mailto:a@b" }, /--shop needs an http or https URL/],
    [{ ...NODE, shop: undefined, seller: "127.0.0.1:10009" }, /--seller-cert is missing/],
    [
      { ...NODE, shop: undefined, seller: "127.0.0.1:10009", "seller-cert": "/nowhere" },
      /--seller-cert is missing, or there is no such file/,
    ],
  ];
  for (const [values, message] of table)
    assert.throws(
      () => readChoice(values, {}),
      (error) => error instanceof RunError && message.test(error.message),
      String(message),
    );
});

test("a node that can't be used is named before anything is built", async () => {
  const folder = await mkdtemp(join(tmpdir(), "l402-fetch-demo-"));
  const macaroon = join(folder, "admin.macaroon");
  await writeFile(macaroon, "macaroon");
  const build = () => assert.fail("built");
  const start = (more) => startReal({ ...NODE, lnd: "http://127.0.0.1:9", macaroon, ...more }, { build });
  await assert.rejects(start({ macaroon: "/nowhere" }), /--macaroon: no such file/);
  await assert.rejects(start({ cert: "/nowhere" }), /--cert: no such file/);
  await assert.rejects(start(), /the lnd at http:\/\/127\.0\.0\.1:9 can't be reached/);
  await rm(folder, { recursive: true });
});
