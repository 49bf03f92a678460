// Each exit code, with what is said and how often was paid.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { at } from "../../scripts/lib.mjs";
import { json, openStandIn, truncated } from "../wallets/stand-in.mjs";
import { NODE_22, NODE_24, openWorld, PASSWORD } from "./world.mjs";

let world;
const tried = new Set();
before(async () => {
  world = await openWorld();
});
after(async () => {
  await world.close();
});

const BOUGHT = /^\{"bought":"\/shop\/[\w-]+\/a"\}$/;

/** Runs it. The exit code, what is said and the number of payments must be these. */
async function ends(user, args, { code, says = /^$/, out = /^$/, payments = 0, ...options }) {
  const found = await user.run(args(user), options);
  assert.equal(found.code, code, found.err);
  assert.match(found.err, says);
  assert.match(found.out, out);
  assert.ok(!(found.err + found.out).includes(PASSWORD), "no secret is shown");
  assert.equal((await user.stats()).payments, payments, "payments");
  tried.add(code);
  return found;
}

const exits = (name, args, { set, prepare, ...wanted }) =>
  test(name, async () => {
    const user = await world.user();
    if (set) user.set(set);
    await prepare?.(user);
    await ends(user, args, wanted);
  });

for (const program of [NODE_22, NODE_24]) {
  const [, version] = /node(\d\d)/.exec(program);
  test(`0: it pays, and then uses the token, Node ${version}`, async () => {
    const user = await world.user();
    await ends(user, ({ url }) => [url("a")], { code: 0, out: BOUGHT, payments: 1, program });
    await ends(user, ({ url }) => [url("a")], { code: 0, out: BOUGHT, payments: 1, program });
    assert.equal((await user.stats()).asked, 1);
  });
}
exits("0: what is free needs no wallet and no ledger", ({ free }) => [free("x")], {
  code: 0,
  out: /^\{"free":/,
  env: { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "", XDG_DATA_HOME: "/dev/null" },
});

for (const [name, args, says] of [
  ["nothing", [], /usage: give it a url, or --help/],
  ["an unknown option", ["-Z", "https://a.example"], /usage: Unknown option '-Z'/],
  [
    "an option without its value",
    ["https://a.example", "-X"],
    /usage: Option '-X, --request <value>' argument missing/,
  ],
  ["an option of another command", ["--csv", "https://a.example"], /usage: --csv is no option of a url/],
  ["an option that a command lacks", ["spent", "--csv"], /usage: --csv is no option of spent/],
  ["a word that is nearly a command", ["paymets"], /paymets is no command: did you mean payments\?/],
  ["a word", ["weather"], /weather is neither a url nor a command: a url begins with https:\/\//],
  [
    "an argument that a command has no use for",
    ["payments", "https://a.example"],
    /payments takes no argument \(https:/,
  ],
  ["another one", ["balance", "sat"], /balance takes no argument \(sat\)/],
  ["two urls", ["https://a.example", "https://b.example"], /2 arguments: one is enough \(https:\/\/b\.example\)/],
  ["a url without a scheme", ["a.example:80/x"], /a\.example:\/\/ can't be fetched: give it an https:\/\/ url/],
  ["a file", ["file:///etc/passwd"], /file:\/\/ can't be fetched/],
  ["a url with a password", ["https://me:hunter2@a.example"], /the url holds a user or a password/],
  ["a header without a colon", ["-H", "Accept", "https://a.example"], /-H wants 'Name: value'/],
  ["a header with a line break", ["-H", "A: b\r\nC: d", "https://a.example"], /-H "A": this name or its value can't/],
  ["a body with GET", ["-X", "GET", "-d", "x", "https://a.example"], /GET\/HEAD method cannot have body/],
  ["a body's file that is missing", ["-d", "@/no/such", "https://a.example"], /-d: can't read \/no\/such \(ENOENT\)/],
  ["two kinds of body", ["-d", "a", "--data-binary", "b", "https://a.example"], /both -d and --data-binary/],
  ["no number of sats", ["--max-sats", "-5", "https://a.example"], /usage: Option '--max-sats' argument is ambiguous/],
  ["a fraction of sats", ["--max-sats=1.5", "https://a.example"], /--max-sats must be a whole number/],
  [
    "a scope with a slash",
    ["--scope", "a/b", "https://a.example"],
    /usage: --scope must be 1 to 100 characters without \//,
  ],
  [
    "a scope without a name",
    ["--scope", "", "https://a.example"],
    /usage: --scope must be 1 to 100 characters without \//,
  ],
  ["a state that there is not", ["payments", "--state", "lost"], /invalid_options: .*state must be one of/],
  ["a time that is none", ["payments", "--since", "then"], /--since must be a date/],
  ["resolve without a hash", ["resolve"], /resolve needs the payment's hash/],
  ["resolve without an outcome", ["resolve", "00".repeat(32)], /resolve needs either --preimage HEX/],
  ["resolve of an unknown payment", ["resolve", "00".repeat(32), "--failed"], /invalid_options: /],
  [
    "resolve of an unknown beginning",
    ["resolve", "00".repeat(6), "--failed"],
    /none of the newest 1000 payments begins/,
  ],
  ["forget without an origin", ["forget"], /forget needs either a url of the origin, or --all/],
  ["decode without a text", ["decode"], /decode needs an invoice, a macaroon or a WWW-Authenticate header/],
  ["a shell that there is not", ["completion", "tcsh"], /completion needs a shell: bash zsh fish/],
])
  exits(`2: ${name}`, () => args, { code: 2, says });

for (const [name, env, says] of [
  ["half a wallet", { PHOENIXD_URL: "" }, /phoenixd needs PHOENIXD_URL and PHOENIXD_PASSWORD: there is only/],
  [
    "a typo in a variable",
    { PHOENIXD_PASSWORD: "", PHOENIXD_PASSWORT: PASSWORD },
    /not known: PHOENIXD_PASSWORT \(did you mean PHOENIXD_PASSWORD\?\)/,
  ],
  ["two wallets", { CLN_RUNE: "secret" }, /more than one wallet is set: Core Lightning \(CLN_RUNE\) and phoenixd/],
])
  exits(`2: ${name}`, ({ url }) => [url("a")], { code: 2, env, says });

for (const [name, set, says] of [
  [
    "no JSON",
    `{ "wallet": { "PHOENIXD_PASSWORD": "${PASSWORD}" `,
    /config\.json: is no JSON: look at line 1 column \d+/,
  ],
  ["an unknown key", { limit: {} }, /config\.json: limit is not known: did you mean limits\?/],
  [
    "a limit with a typo",
    { limits: { perPayment: 5, perHuor: 5 } },
    /limits\.perHuor is not a known option, did you mean/,
  ],
  ["a limit that is missing", { limits: { perDay: 5 } }, /config\.json: limits\.perPayment is missing/],
  ["a limit that is a text", { limits: { perPayment: "5" } }, /limits\.perPayment must be a whole number/],
  ["a network that there is not", { networks: ["mainnet"] }, /config\.json: networks\[0\] must be one of/],
  ["a list", [], /config\.json: it must be an object/],
  ["a wallet's unknown variable", { wallet: { LND_URL: "x" } }, /wallet\.LND_URL is not known/],
  ["a wallet's number", { wallet: { LND_MACAROON: 5 } }, /wallet\.LND_MACAROON must be a string/],
])
  exits(`2: settings: ${name}`, ({ url }) => [url("a")], { set, code: 2, says });

exits("2: a scope's limit with a typo", ({ url }) => ["--scope", "agent", url("a")], {
  set: { scopes: { agent: { perPaymnt: 5 } } },
  code: 2,
  says: /perPaymnt is not a known option, did you mean/,
});

exits("2: a scope with a typo", ({ url }) => ["--scope", "agnet", url("a")], {
  set: { scopes: { agent: { perDay: 5 } } },
  code: 2,
  says: /config\.json: --scope agnet is not in scopes: there are agent\n$/,
});

test("2: an older Node says so in one line", async () => {
  const user = await world.user();
  const { code, out, err } = await user.run([user.url("a")], { program: process.execPath });
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 13)) return assert.equal(code, 0);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /^l402-fetch: this command needs Node 22\.13 or later, and this is [\d.]+ \(\/.*\)\n$/);
});

exits("3: no wallet: it says what to set", ({ url }) => [url("a")], {
  code: 3,
  env: { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "" },
  says: /^l402-fetch: wallet: no wallet is set: set NWC_URL, or LND_REST_URL and LND_MACAROON .*; or write the same under "wallet" in \/.*config\.json\n$/,
});
exits("3: a wallet that can't be reached does not tell its balance", () => ["balance"], {
  code: 3,
  env: { PHOENIXD_URL: "http://127.0.0.1:9" },
  says: /wallet: phoenixd at http:\/\/127\.0\.0\.1:9 could not be reached/,
});
exits("4: not found", ({ free }) => [free("x", "after=404")], { code: 4, out: /^\{"free":/ });
exits("4: a 402 that can't be paid is handed on", ({ url }) => [url("a", "nochallenge=1")], {
  code: 4,
  says: /a 402 was not paid: it names no price/,
  out: /./,
});
exits("4: an Authorization of the user's own", ({ url }) => ["-H", "Authorization: Bearer x", url("a")], {
  code: 4,
  says: /a 402 was not paid: your own header is where the proof of payment would go/,
  out: /./,
});
exits("5: over the limit that holds at first", ({ url }) => [url("a", "price=101")], {
  code: 5,
  says: /over_limit: .*\n.*for this run: --max-sats N, if .*config\.json has no "limits"; for good: "limits" in it\n$/,
});
exits("5: over --max-sats", ({ url }) => ["--max-sats", "9", url("a")], { code: 5, says: /over_limit: / });
exits("5: --max-sats does not raise the limits of the settings", ({ url }) => ["--max-sats", "900", url("a")], {
  set: { limits: { perPayment: 5 } },
  code: 5,
  says: /over_limit: /,
});
exits("5: over the limit of a scope", ({ url }) => ["--scope", "agent", url("a")], {
  set: { scopes: { agent: { perDay: 5 } } },
  code: 5,
  says: /over_limit: .*agent/,
});
exits("0: --max-sats raises the limit that holds at first", ({ url }) => ["--max-sats=300", url("a", "price=200")], {
  code: 0,
  out: BOUGHT,
  payments: 1,
});
exits("5: and not that of a day", ({ url }) => ["--max-sats", "3000", url("a", "price=2000")], {
  code: 5,
  says: /over_limit: .*perDay.*\nl402-fetch: for good: "limits" in .*config\.json\n$/,
});
exits("6: another network", ({ base, url }) => [url("a", "").replace("network=bc", "network=tb"), base].slice(0, 1), {
  code: 6,
  says: /wrong_network: .*\n.*"networks" in .*config\.json names others/,
});
exits("6: a host that is not allowed", ({ url }) => [url("a")], {
  set: { hosts: ["api.example.com"] },
  code: 6,
  says: /host_not_allowed: /,
});
exits("7: the wallet fails for certain", ({ url }) => [url("a")], {
  prepare: ({ node }) => {
    node.answer = "answer=failed";
  },
  code: 7,
  says: /payment_failed: the wallet did not pay: phoenixd gave up: payment attempts exhausted without success/,
});
exits("7: a wrong password", ({ url }) => [url("a")], {
  env: { PHOENIXD_PASSWORD: "wrong" },
  code: 7,
  says: /payment_failed: the wallet did not pay: phoenixd refused \(status 401\)/,
});
exits("8: the answer was lost, and the wallet can't tell", ({ url }) => [url("a")], {
  prepare: ({ node }) => {
    node.answer = "answer=error&paid=1";
    node.on("GET /payments/outgoingbyhash/*", () => (response) => response.writeHead(503).end());
  },
  code: 8,
  says: /payment_unknown: .*\n.*l402-fetch resolve [0-9a-f]{12} --preimage HEX, or --failed\n$/,
  payments: 1,
});
exits("9: paid, and the answer is lost", ({ url }) => [url("a", "drop=1")], {
  code: 9,
  says: /request_failed: /,
  payments: 1,
});
exits("10: nobody is there", () => ["http://127.0.0.1:9/"], { code: 10, says: /network: no answer came: / });
exits("10: a name that there is not", () => ["https://no.such.host.invalid/"], {
  code: 10,
  says: /network: no answer came: getaddrinfo E\w+ no\.such\.host\.invalid/,
});
exits("11: the ledger's folder can't be made", ({ url }) => [url("a")], {
  env: { XDG_DATA_HOME: "/dev/null" },
  code: 11,
  says: /store_failed: .*ledger\.db/,
});
exits("11: the ledger is no database", ({ url }) => [url("a")], {
  prepare: ({ ledger }) => mkdirSync(ledger, { recursive: true }),
  code: 11,
  says: /store_failed: /,
});
exits("12: the file's folder is missing: said before anything is paid", ({ url }) => ["-o", "no/such", url("a")], {
  code: 12,
  says: /output: can't write to no\/such: its folder is missing/,
});
for (const [name, file, says] of [
  ["has no name", "", /can't write to "": it has no name/],
  ["would be a folder", "new/", /can't write to new\/: it is a folder/],
  ["would be below a file", "f/x", /can't write to f\/x: ENOTDIR/],
  ["has too long a name", "x".repeat(300), /: ENAMETOOLONG/],
  ["is a link to itself", "loop", /can't write to loop: ELOOP/],
])
  exits(`12: the file ${name}: said before anything is paid`, ({ url }) => ["-o", file, url("a")], {
    prepare({ home }) {
      writeFileSync(join(home, "f"), "");
      symlinkSync("loop", join(home, "loop"));
    },
    code: 12,
    says,
  });
exits("2: an argument that is not UTF-8 would be sent otherwise than it was given", ({ url }) => [url("a")], {
  wrap: (line) => ["sh", "-c", `exec "$@" -d "$(printf '\\377')"`, "sh", ...line],
  code: 2,
  says: /usage: an argument is not UTF-8: -d @FILE sends any bytes/,
});
exits("12: the file is a folder", ({ url, home }) => ["-o", home, url("a")], { code: 12, says: /it is a folder/ });

test("10: an answer that breaks off", async () => {
  const user = await world.user();
  let requests = 0;
  user.node.on("GET /cut", () => (response) => {
    requests++;
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => response.socket.end());
  });
  await ends(user, ({ node }) => [`${node.url}/cut`], {
    code: 10,
    says: /network: the answer broke off: other side closed/,
    out: /^half$/,
  });
  assert.equal(requests, 1);
});

test("9: a paid answer that breaks off: its JSON says that money has moved, too", async () => {
  const user = await world.user();
  user.node.on("GET /cut", async ({ headers }) => {
    if (headers.authorization) return truncated(200, "half");
    const asked = await fetch(user.url("a"));
    const challenge = asked.headers.get("www-authenticate");
    return (response) => response.writeHead(402, { "www-authenticate": challenge }).end();
  });
  const { out } = await ends(user, ({ node }) => ["--json", `${node.url}/cut`], {
    code: 9,
    says: /unanswered: the answer broke off: /,
    out: /./,
    payments: 1,
  });
  const { error } = JSON.parse(out);
  assert.deepEqual([error.exit, error.moneyMoved, error.payment.state], [9, "yes", "paid"]);
});

test("11: a row of a later version: nothing is paid, nothing is overwritten", async () => {
  const user = await world.user();
  await ends(user, ({ url }) => [url("a", "scope=path")], { code: 0, out: BOUGHT, payments: 1 });
  const script = `
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const ledger = new DatabaseSync(${JSON.stringify(user.ledger)});
    const text = () => ledger.prepare("SELECT value FROM l402_fetch WHERE key = 'sums'").get().value;
    if (process.argv[1]) ledger.prepare("UPDATE l402_fetch SET value = ? WHERE key = 'sums'").run(process.argv[1]);
    console.log(String(text()));`;
  const sqlite = async (...args) => {
    return spawnSync(NODE_24, ["--no-warnings", "-e", script, ...args], { encoding: "utf8" }).stdout.trim();
  };
  const later = (await sqlite()).replace('"v":1', '"v":2');
  assert.match(later, /"v":2/);
  assert.equal(await sqlite(later), later);
  await ends(user, ({ url }) => [url("b", "scope=path")], { code: 11, says: /store_failed: /, payments: 1 });
  await ends(user, () => ["spent"], { code: 11, says: /store_failed: .*later version/, payments: 1 });
  assert.equal(await sqlite(), later);
});

test("11: a full disk: nothing is paid", async () => {
  const user = await world.user();
  await ends(user, ({ url }) => [url("a")], {
    code: 11,
    says: /store_failed: /,
    wrap: (line) => ["sh", "-c", 'ulimit -f 1; exec "$0" "$@"', ...line],
  });
  await ends(user, ({ url }) => [url("a")], { code: 0, out: BOUGHT, payments: 1 });
});

test("7: a wallet whose certificate nobody vouches for: it says what to set, and that works", async () => {
  const user = await world.user();
  const pem = at("tests/wallets/self-signed.pem");
  const node = await openStandIn({ key: readFileSync(pem), cert: readFileSync(pem) });
  node.on("POST /payinvoice", async ({ body }) => {
    const invoice = new URLSearchParams(body).get("invoice");
    const paid = await fetch(`${world.base}/wallet/${user.id}/pay`, { method: "POST", body: invoice });
    return json(200, { recipientAmountSat: 10, paymentPreimage: (await paid.json()).preimage });
  });
  try {
    const env = { PHOENIXD_URL: node.url };
    const says =
      /SELF_SIGNED_CERT.*\n.*the wallet's certificate is its own: NODE_EXTRA_CA_CERTS=tls\.cert trusts it\n$/;
    await ends(user, ({ url }) => [url("a")], { code: 7, env, says });
    const trusting = { ...env, NODE_EXTRA_CA_CERTS: pem };
    await ends(user, ({ url }) => [url("a")], { code: 0, env: trusting, out: BOUGHT, payments: 1 });
  } finally {
    await node.close();
  }
});

test("12: a full disk under the file: it was paid, and the next run pays nothing", async () => {
  const user = await world.user();
  await ends(user, ({ url }) => ["-o", "/dev/full", url("a")], {
    code: 12,
    says: /output: can't write to \/dev\/full: the disk is full/,
    payments: 1,
  });
  await ends(user, ({ url }) => [url("a")], { code: 0, out: BOUGHT, payments: 1 });
});

test("12: its JSON says whether money has moved", async () => {
  const user = await world.user();
  for (const [file, moved, payments] of [
    ["no/such", "no", 0],
    ["/dev/full", "yes", 1],
    ["/dev/full", "no", 1],
  ]) {
    const { out } = await ends(user, ({ url }) => ["--json", "-o", file, url("a")], {
      code: 12,
      says: /output: /,
      out: /./,
      payments,
    });
    const { error } = JSON.parse(out);
    assert.deepEqual([error.exit, error.moneyMoved], [12, moved]);
  }
});

test("1: a package whose wasm is lost", async () => {
  const user = await world.user();
  const broken = join(user.home, "dist");
  cpSync(at("dist"), broken, { recursive: true });
  cpSync(at("package.json"), join(user.home, "package.json"));
  for (const file of ["l402_fetch.wasm", "l402_fetch.wasm.js"]) rmSync(join(broken, file));
  const lost = (line) => line.map((word) => (word.endsWith("/bin.js") ? join(broken, "command/bin.js") : word));
  await ends(user, ({ url }) => [url("a")], { code: 1, says: /load_failed: /, wrap: lost });
});

test("every exit code that the help lists was tried, but those of signals", async () => {
  const user = await world.user();
  const { out } = await user.run(["--help"]);
  const listed = out
    .split("\nExit codes\n")[1]
    .match(/^ +\d+/gm)
    .map(Number);
  assert.deepEqual(
    [...tried].sort((a, b) => a - b),
    listed.filter((code) => code < 128),
  );
});
