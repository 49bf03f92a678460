// `npm run demo`: builds the package, and serves the page of www/ with a shop that it buys from. `--help` lists the
// options.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { readChoice } from "./demo-options.mjs";
import { at, root, run, RunError, targetDir } from "./lib.mjs";
import { setup } from "./setup.mjs";

const HELP = `npm run demo -- [OPTIONS]

Serves a page that buys a weather forecast over Lightning and shows every step.
Without options a test shop and a test wallet play it; no money moves and nothing but this package is built.

  --port N            the page's port; default 4020
  --real              real nodes: builds btcd, lnd and aperture (about 12 min the first time; needs Go), starts a
                      private network (regtest) with two lnd nodes and a channel, and buys from aperture there

With an lnd of your own the page pays by that instead. Each option can be an environment variable, which --real then
looks for. On the main network this is real money: the page's limits (100 sat a payment, 500 sat an hour; you can
change them there) bound what it may spend.

  --lnd URL           its REST address, such as https://127.0.0.1:8080              (or LND_URL)
  --macaroon HEX|FILE what may pay, such as admin.macaroon                          (or LND_MACAROON)
  --cert FILE         its tls.cert; not needed where a public authority signed it   (or LND_CERT)

and buys one of these:

  --shop URL          anything that asks for L402                                   (or SHOP_URL)
  --seller HOST:PORT  the gRPC address of a second lnd of yours that it has a route to: aperture is built and
                      started for it, and sells the forecast                        (or SELLER_LND)
  --seller-cert FILE  its tls.cert                                                  (or SELLER_CERT)
  --seller-macaroons DIR
                      where its *.macaroon files are                                (or SELLER_MACAROONS)
`;

const text = { type: "string" };
const flag = { type: "boolean", default: false };
const OPTIONS = {
  port: { ...text, default: "4020" },
  real: flag,
  help: { ...flag, short: "h" },
  lnd: text,
  macaroon: text,
  cert: text,
  shop: text,
  seller: text,
  "seller-cert": text,
  "seller-macaroons": text,
};

try {
  const { values } = parseArgs({ options: OPTIONS });
  const port = Number(values.port);
  if (!(Number.isInteger(port) && port >= 0 && port <= 65535)) throw new RunError("--port needs a number up to 65535");
  const choice = readChoice(values, process.env);
  if (values.help) console.log(HELP);
  else if (choice) await real(choice, port);
  else await pretend(values.port);
} catch (error) {
  if (!(error instanceof RunError) && !error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
  console.error(`demo: ${error.message}\ndemo: npm run demo -- --help says what there is`);
  // Everything that was started ends with this process.
  process.exit(1);
}

async function pretend(port) {
  await setup("build");
  console.log("demo: building the package and the paywall (2 min the first time)");
  await build(() => run("cargo", ["build", "--locked", "--example", "paywall"]));
  const paywall = spawn(
    `${await targetDir()}/debug/examples/paywall`,
    ["--port", port, "--www", at("www"), "--package", at("dist")],
    { cwd: root, stdio: "inherit" },
  );
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => paywall.kill(signal));
  paywall.on("exit", (code) => {
    process.exitCode = code ?? 0;
  });
}

async function real(choice, port) {
  // Demos end this way. The servers end with this process, as its daemons do.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
  const { startReal } = await import("./demo-real.mjs");
  const say = (line) => console.log(`demo: ${line}`);
  const demo = await startReal(choice, {
    port,
    say,
    async build() {
      await setup("build");
      say("building the package (2 min the first time)");
      await build();
    },
  });
  say(demo.what);
  say(`the page is at ${demo.url} (end with Ctrl-C)`);
}
