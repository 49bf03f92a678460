// What `--help` shows. It is all that there is to know, so there is no manual page beside it.
import { DEFAULT_LIMITS } from "./config.js";
import { MEANINGS } from "./exit.js";
import { COMMANDS, type Option, OPTIONS } from "./flags.js";
import { CONFIG, LEDGER } from "./places.js";

/** Where the explanations begin. */
const COLUMN = 30;
const row = (name: string, text: string) => `${`  ${name}`.padEnd(COLUMN)}${text}\n`;

function option(name: Option) {
  const { help, ...more } = OPTIONS[name];
  const short = "short" in more ? `-${more.short}, ` : "    ";
  return row(`${short}--${name}${"value" in more ? ` ${more.value}` : ""}`, help);
}

function command(name: keyof typeof COMMANDS) {
  const { args, help, options } = COMMANDS[name];
  return [row(`${name} ${args}`.trim(), help), ...options.map(option)].join("");
}

/** The whole page. */
export function help(): string {
  const { perPayment, perDay } = DEFAULT_LIMITS;
  const names = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
  const exits = MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}\n`);
  return `l402-fetch: fetches a URL, and pays for it over Lightning if it costs money

  l402-fetch [options] URL
  l402-fetch COMMAND [options]

Options of a URL, with curl's letters
${COMMANDS.URL.options.map(option).join("")}
Commands
${names
  .filter((name) => name !== "URL")
  .map(command)
  .join("")}
  --help and --version work everywhere. After -- everything is an argument.

Wallet: set the environment variables of one
  NWC_URL
  LND_REST_URL, LND_MACAROON (in hex) or LND_MACAROON_PATH
  CLN_REST_URL, CLN_RUNE
  PHOENIXD_URL, PHOENIXD_PASSWORD
  LNBITS_URL, LNBITS_ADMIN_KEY
  A node with a certificate of its own: NODE_EXTRA_CA_CERTS=tls.cert
  Plain http to another machine: LND_INSECURE=1 and so on. Anyone in that network can then take the credential.

Limits: at most ${perPayment} sat for one payment and ${perDay} sat in a day, fees included
  --max-sats sets that of one payment. Others, and higher ones of a day, come from the config:
  { "limits": { "perPayment": 500, "perDay": 5000 }, "scopes": { "agent": { "perDay": 100 } } }
  If the config has limits, --max-sats can only lower them.
  Its other keys: hosts, insecureHosts, networks, protocols, paymentTimeout, sessions ({ "maxDeposit": 100 }),
  wallet (the variables above).

Files
  ${CONFIG}
  ${LEDGER}: payments, tokens and preimages; only you can read it

Ctrl-C while the wallet pays waits for it; once more ends at once. The next run finds out what became of it.

Exit codes
${exits.join("")}`;
}
