import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { L402Error } from "../../src/js/core/error.js";
import { walletFromEnv } from "../../src/js/wallets/env.js";
import { lnd } from "../../src/js/wallets/lnd.js";

const SECRET = "0201036c6e64deadbeef";
const NWC = `nostr+walletconnect://${"ab".repeat(32)}?relay=wss%3A%2F%2Frelay.example.com&secret=${"cd".repeat(32)}`;
const LND = { LND_REST_URL: "https://127.0.0.1:8080", LND_MACAROON: SECRET };
const WANTED =
  "NWC_URL, or LND_REST_URL and LND_MACAROON (or LND_MACAROON_PATH), or CLN_REST_URL and CLN_RUNE, or PHOENIXD_URL and PHOENIXD_PASSWORD, or LNBITS_URL and LNBITS_ADMIN_KEY";

const COMPLETE = {
  nwc: { NWC_URL: NWC },
  lnd: LND,
  cln: { CLN_REST_URL: "https://127.0.0.1:3010", CLN_RUNE: "cnVuZQ==" },
  phoenixd: { PHOENIXD_URL: "http://127.0.0.1:9740", PHOENIXD_PASSWORD: "hunter2" },
  lnbits: { LNBITS_URL: "https://lnbits.example.com", LNBITS_ADMIN_KEY: "5dcc1ff0" },
};

for (const [name, env] of Object.entries(COMPLETE)) {
  test(`${name}: its variables make its wallet, whatever else is set`, () => {
    const wallet = walletFromEnv({ PATH: "/bin", LND_DIR: "/lnd", LNBITS_URL: "", NWC_RELAY: "x", ...env });
    assert.equal(typeof wallet.pay, "function");
    assert.match(wallet.id, new RegExp(`^${name}-`));
  });
}

test("the wallet is the one that the module makes", () => {
  assert.equal(walletFromEnv(LND).id, lnd({ url: LND.LND_REST_URL, macaroon: SECRET }).id);
});

const refused = (env, says) =>
  test(`refused: ${Object.keys(env).join(" ") || "nothing"}: ${String(says).slice(0, 60)}`, () => {
    assert.throws(
      () => walletFromEnv(env),
      (error) => {
        assert.ok(error instanceof L402Error);
        assert.equal(error.code, "invalid_options");
        if (says instanceof RegExp) assert.match(error.message, says);
        else assert.equal(error.message, says);
        for (const value of Object.values(env)) if (value.length > 3) assert.ok(!error.message.includes(value), value);
        return true;
      },
    );
  });

refused({}, `no wallet is set: set ${WANTED}`);
refused({ NWC_URL: "", LND_MACAROON: "" }, `no wallet is set: set ${WANTED}`);
refused(
  { LND_MACARON: SECRET, NWC_URI: NWC, LND_DIR: "/var/lnd", NEW_URL: "https://a.example" },
  `no wallet is set: set ${WANTED}; not known: LND_MACARON (did you mean LND_MACAROON?), NWC_URI (did you mean NWC_URL?), LND_DIR`,
);
refused(
  { LND_REST_URL: LND.LND_REST_URL, LND_MACARON: SECRET },
  "LND needs LND_REST_URL and LND_MACAROON (or LND_MACAROON_PATH): there is only LND_REST_URL; not known: LND_MACARON (did you mean LND_MACAROON?)",
);
refused(
  { phoenixd_password: "hunter22", PHOENIXD_URL: "http://127.0.0.1:9740" },
  "phoenixd needs PHOENIXD_URL and PHOENIXD_PASSWORD: there is only PHOENIXD_URL; not known: phoenixd_password (did you mean PHOENIXD_PASSWORD?)",
);
refused({ CLN_RUNE: "cnVuZQ==" }, "Core Lightning needs CLN_REST_URL and CLN_RUNE: there is only CLN_RUNE");
refused(
  { ...LND, PHOENIXD_URL: "http://127.0.0.1:9740" },
  "more than one wallet is set: LND (LND_REST_URL, LND_MACAROON) and phoenixd (PHOENIXD_URL); unset all but one",
);
refused(
  { ...LND, LND_MACAROON_PATH: "/lnd/admin.macaroon" },
  "both LND_MACAROON and LND_MACAROON_PATH are set: unset one",
);
refused({ ...LND, LND_MACAROON: "not-hex-secret" }, /^LND_REST_URL, LND_MACAROON: lnd: macaroon must be the macaroon/);
refused({ NWC_URL: "nostr+walletconnect://secret-without-relay" }, /^NWC_URL: nwc: connection must be/);
refused({ ...LND, LND_REST_URL: "http://umbrel.local:8080" }, /set insecure: true \(here: LND_INSECURE=1\)$/);
refused({ ...LND, LND_INSECURE: "perhaps" }, "LND_INSECURE must be 1 or 0");
refused(
  { LND_REST_URL: LND.LND_REST_URL, LND_MACAROON_PATH: "/no/such/admin.macaroon" },
  "LND_MACAROON_PATH: the file can't be read (ENOENT)",
);

test("plain http to another machine is allowed by INSECURE alone", () => {
  const env = { ...LND, LND_REST_URL: "http://umbrel.local:8080" };
  assert.throws(() => walletFromEnv({ ...env, LND_INSECURE: "false" }), { code: "invalid_options" });
  assert.match(walletFromEnv({ ...env, LND_INSECURE: "true" }).id, /^lnd-/);
});

test("a macaroon's file: lnd's own, and one in hex", async () => {
  const folder = mkdtempSync(join(tmpdir(), "l402-env-"));
  const { fetch } = globalThis;
  const sent = [];
  globalThis.fetch = async (_url, { headers }) => {
    sent.push(headers["grpc-metadata-macaroon"]);
    return Response.json({ local_balance: { msat: "5" } });
  };
  try {
    for (const [index, content] of [Buffer.from(SECRET, "hex"), `${SECRET}\n`].entries()) {
      const path = join(folder, `${index}.macaroon`);
      writeFileSync(path, content);
      const wallet = walletFromEnv({ LND_REST_URL: LND.LND_REST_URL, LND_MACAROON_PATH: path });
      assert.equal(await wallet.balanceMsat(), 5);
    }
    assert.deepEqual(sent, [SECRET, SECRET]);
  } finally {
    globalThis.fetch = fetch;
    rmSync(folder, { recursive: true });
  }
});

test("without an argument it is the environment of the process", () => {
  process.env.NWC_URL = NWC;
  try {
    assert.match(walletFromEnv().id, /^nwc-/);
  } finally {
    delete process.env.NWC_URL;
  }
});
