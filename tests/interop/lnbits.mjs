// LNbits, the real server, over an lnd: installed with pip into a venv of the cache folder, and run without a browser.
// `node tests/interop/lnbits.mjs` installs it.
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { at, cache, find, run, RunError } from "../../scripts/lib.mjs";
import { step } from "../../scripts/setup.mjs";
import { freePorts } from "../support/listen.mjs";
import { Daemon } from "./daemon.mjs";

const VERSION = "1.6.2";
const venv = join(cache, `lnbits-${VERSION}`);
const python = join(venv, "bin", "python");
const mark = join(venv, ".installed");

/** What LNbits 1.6.2 runs on. */
const PYTHONS = ["python3.12", "python3.11", "python3.10", "python3"];
const MEETS = "import ensurepip, sys, venv; raise SystemExit(not (3, 10) <= sys.version_info < (3, 13))";

/**
 * Prepares to install LNbits. Rejects with a `RunError` that says what to install where Python is missing; resolves
 * with a function that installs it where it is not.
 */
export async function prepareLnbits() {
  if (existsSync(mark)) return async () => {};
  const system = await findPython();
  return () =>
    step(`LNbits ${VERSION}, into ${venv}`, "1 to 3 min", async () => {
      await rm(venv, { recursive: true, force: true });
      await run(system, ["-m", "venv", venv], { quiet: true });
      // its own bounds are loose: lnbits.txt holds the versions that it was tried with
      await run(
        python,
        [
          "-m",
          "pip",
          "install",
          "--quiet",
          "--disable-pip-version-check",
          "--constraint",
          at("tests/interop/lnbits.txt"),
          `lnbits==${VERSION}`,
        ],
        { quiet: true },
      );
      await writeFile(mark, "");
    });
}

/** A Python that runs (a version manager's stand-in may not), of a fitting version, that can make a venv. */
async function findPython() {
  for (const name of PYTHONS.filter(find)) {
    if (
      await run(name, ["-c", MEETS], { quiet: true }).then(
        () => true,
        () => false,
      )
    )
      return name;
  }
  throw new RunError(
    `no Python of 3.10 to 3.12 with its venv module, and LNbits ${VERSION} runs on no other: install one; on Debian 12: sudo apt-get install python3 python3-venv`,
  );
}

/**
 * Starts LNbits over an lnd of the network. Resolves with its `url`, its `daemon`, `wallet(sat)`, which makes one that
 * holds so much, and `stop()`. `env` is for other settings of LNbits.
 */
export async function startLnbits(network, node, { name = "lnbits", env = {} } = {}) {
  const folder = join(network.folder, name);
  await mkdir(join(folder, "data"), { recursive: true });
  const site = await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], { quiet: true });
  // it finds its templates below the folder it is started in
  await symlink(join(site.trim(), "lnbits"), join(folder, "lnbits"));
  const [port] = await freePorts(1);
  // its own console script forks, and would outlive us
  const daemon = new Daemon(
    name,
    python,
    ["-m", "uvicorn", "lnbits.__main__:app", "--host", "127.0.0.1", "--port", port],
    /Uvicorn running on/,
    {
      cwd: folder,
      env: {
        LNBITS_DATA_FOLDER: join(folder, "data"),
        LNBITS_EXTENSIONS_PATH: folder,
        LNBITS_ADMIN_UI: "true",
        AUTH_HTTPS_ONLY: "false",
        LNBITS_RATE_LIMIT_NO: "100000",
        // nothing but loopback is asked
        LNBITS_PRICE_AGGREGATOR_ENABLED: "false",
        LNBITS_EXCHANGE_RATE_PROVIDERS: "[]",
        LNBITS_EXTENSIONS_MANIFESTS: "[]",
        LNBITS_WASM_EXTENSIONS_MANIFESTS: "[]",
        LNBITS_BACKEND_WALLET_CLASS: "LndRestWallet",
        LND_REST_ENDPOINT: `${node.restUrl}/`,
        LND_REST_CERT: node.certPath,
        LND_REST_MACAROON: node.macaroonHex,
        ...env,
      },
    },
  );
  await daemon.start();
  const base = `http://127.0.0.1:${port}`;
  const call = async (method, path, body, token) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(base + path, { method, headers, body: JSON.stringify(body) });
    if (!response.ok)
      throw new Error(`lnbits answered ${response.status} to ${method} ${path}: ${await response.text()}`);
    return response.json();
  };
  const { access_token: token } = await call("PUT", "/api/v1/auth/first_install", {
    username: "admin",
    password: "only loopback",
    password_repeat: "only loopback",
  });
  return {
    url: base,
    daemon,
    async wallet(sat) {
      const { id, adminkey, inkey } = await call("POST", "/api/v1/wallet", { name: "test" }, token);
      if (sat > 0) await call("PUT", "/users/api/v1/balance", { id, amount: sat }, token);
      return { url: base, adminKey: adminkey, invoiceKey: inkey };
    },
    stop: () => daemon.stop(),
  };
}

if (import.meta.filename === process.argv[1]) {
  try {
    await (await prepareLnbits())();
    console.log(`setup: LNbits ${VERSION}: there, in ${venv}`);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    console.error(`setup failed: ${error.message}`);
    process.exitCode = 1;
  }
}
