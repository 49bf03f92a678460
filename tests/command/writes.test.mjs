// What the command writes: bodies, JSON, tables, progress; and what it sends.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { at, run } from "../../scripts/lib.mjs";
import { openWorld } from "./world.mjs";

let world;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

/** Runs it to a good end. Gives standard output. */
async function good(user, ...args) {
  const { code, out, err } = await user.run(args);
  assert.equal(code, 0, err);
  assert.equal(err, "", "nothing is said where no terminal looks");
  return out;
}
/** What the server got. */
const echoed = async (user, ...args) => JSON.parse(await good(user, ...args, user.free("x", "body=echo")));
/** Runs it at a terminal, with the columns of one: standard output and error are the same there. */
const atTerminal = (user, args, env = {}) =>
  user.run(args, {
    env: { TERM: "xterm", ...env },
    wrap: (line) => ["script", "-qec", line.map(quoted).join(" "), "/dev/null"],
  });
const quoted = (word) => `'${word}'`;

test("curl's letters: method, headers and body are sent as they are given", async () => {
  const user = await world.user();
  const header = ({ headers }, name) => headers.filter(([found]) => found === name).map(([, value]) => value);
  const get = await echoed(user);
  assert.equal(get.method, "GET");
  assert.deepEqual(header(get, "accept"), ["*/*"]);
  assert.match(header(get, "user-agent")[0], /^l402-fetch\/\d+\.\d+\.\d+$/);

  writeFileSync(join(user.home, "body.txt"), "line one\r\nline two\n");
  const post = await echoed(user, "-d", "a=1", "-d", "@body.txt", "-H", "X-One: 1", "-H", "Accept:", "-HX-Two;");
  assert.deepEqual([post.method, post.body], ["POST", "a=1&line oneline two"]);
  assert.deepEqual(header(post, "content-type"), ["application/x-www-form-urlencoded"]);
  assert.deepEqual([header(post, "x-one"), header(post, "x-two")], [["1"], [""]]);

  const put = await echoed(user, "-XPUT", "--data-binary", "@body.txt", "-H", "Content-Type: text/plain");
  assert.deepEqual([put.method, put.body], ["PUT", "line one\r\nline two\n"]);
  assert.deepEqual(header(put, "content-type"), ["text/plain"]);
  const piped = await user.run(["-d", "@-", user.free("x", "body=echo")], { stdin: "from a pipe" });
  assert.equal(JSON.parse(piped.out).body, "from a pipe");
});

test("a request with a body is paid, and sent again with its body", async () => {
  const user = await world.user();
  const echo = JSON.parse(await good(user, "-d", "question", user.url("a", "body=echo")));
  assert.deepEqual([echo.method, echo.body], ["POST", "question"]);
  assert.equal((await user.stats()).payments, 1);
});

test("-i writes status and headers first, -o a file, -o - standard output", async () => {
  const user = await world.user();
  const url = user.url("a");
  const whole = await good(user, "-i", url);
  assert.match(whole, /^HTTP\/1\.1 200 OK\r\n([\w-]+: .*\r\n)+\r\n\{"bought":/);
  assert.equal(await good(user, "-o", "answer.json", url), "");
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(join(user.home, "answer.json"), "utf8"))), ["bought"]);
  assert.match(await good(user, "-o", "-", url), /^\{"bought":/);
  assert.equal(await good(user, "-sio", "answer.txt", "--", url), "");
  assert.match(readFileSync(join(user.home, "answer.txt"), "utf8"), /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal((await user.stats()).payments, 1);
});

test("an old file stays if nothing comes", async () => {
  const user = await world.user();
  const file = join(user.home, "answer");
  writeFileSync(file, "old");
  assert.equal((await user.run(["-o", file, user.url("a", "price=500")])).code, 5);
  assert.equal(readFileSync(file, "utf8"), "old");
});

test("a large body is written as it comes, every byte", async () => {
  const user = await world.user();
  const { code, bytes } = await user.run([user.url("a", "size=30000000")]);
  assert.deepEqual([code, bytes.length], [0, 30_000_000]);
  await good(user, "-o", "large", user.url("a", "size=30000000"));
  assert.equal(statSync(join(user.home, "large")).size, 30_000_000);
  // The first half is there before the second is sent.
  const child = user.start([user.url("a", "size=200000&gate=1")]);
  let length = 0;
  await new Promise((half) => {
    child.stdout.on("data", (data) => {
      length += data.length;
      if (length === 100_000) half();
    });
  });
  await user.release();
  assert.equal((await child.ended).bytes.length, 200_000);
});

test("a reader that has enough ends it without a word", async () => {
  const user = await world.user();
  const url = user.url("a", "size=30000000");
  const { out, err } = await user.run([url], {
    wrap: (line) => [
      "bash",
      "-c",
      `set -o pipefail; ${line.map(quoted).join(" ")} | head -c 5 | wc -c; echo \${PIPESTATUS[0]}`,
    ],
  });
  assert.equal(err, "");
  assert.deepEqual(out.trim().split(/\s+/), ["5", "12"]);
  assert.equal((await user.stats()).payments, 1);
});

test("--json: the answer, what was paid, and errors, in a form that parses", async () => {
  const user = await world.user();
  const url = user.url("a", "scope=path");
  const free = JSON.parse(await good(user, "--json", user.free("x")));
  assert.equal(free.paid, null);
  const first = JSON.parse(await good(user, "--json", url));
  assert.deepEqual([first.url, first.status, first.encoding], [url, 200, "utf-8"]);
  assert.match(first.body, /^\{"bought":/);
  assert.equal(first.headers["content-type"], "application/json");
  const { paidNow, amountSat, state, origin } = first.paid;
  assert.deepEqual([paidNow, amountSat, state, origin], [true, 10, "paid", new URL(url).origin]);
  assert.equal(JSON.parse(await good(user, "--json", url)).paid.paidNow, false);
  const file = JSON.parse(await good(user, "--json", "-o", "body", url));
  assert.deepEqual([file.file, file.body], ["body", undefined]);

  user.node.on("GET /binary", () => (response) => response.end(Buffer.from([0xff, 0, 1])));
  const binary = JSON.parse(await good(user, "--json", `${user.node.url}/binary`));
  assert.deepEqual([binary.body, binary.encoding], ["/wAB", "base64"]);

  const dear = await user.run(["--json", user.url("b", "price=500&scope=path&n=2")]);
  const { error } = JSON.parse(dear.out);
  assert.deepEqual([error.code, error.exit, error.moneyMoved, error.quote.amountSat], ["over_limit", 5, "no", 500]);
  const wrong = JSON.parse((await user.run(["--json", "--csv"])).out);
  assert.deepEqual([wrong.error.code, wrong.error.exit], ["usage", 2]);
});

test("--dry-run tells the price and what the limits say; it pays nothing", async () => {
  const user = await world.user();
  const url = user.url("a", "description=a%1b%5b31mred");
  const text = await good(user, "--dry-run", url);
  assert.match(text, /^price {6}10 sat\nfor {8}"a \[31mred"\nprotocol {3}l402\nnetwork {4}bitcoin\n/);
  assert.match(
    text,
    /\nleft {7}100 sat for this payment, 1000 sat of the day\nwould pay {2}yes\ninvoice {4}lnbc100n1\w+\n$/,
  );
  const dear = await user.run(["--dry-run", user.url("b", "price=500")]);
  assert.equal(dear.code, 5);
  assert.match(dear.out, /\nwould pay {2}no: paying 500 sat would exceed limits\.perPayment of 100 sat\n/);
  const poor = await user.run(["--dry-run", url], { env: { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "" } });
  assert.equal(poor.code, 3);
  assert.match(poor.out, /\nwould pay {2}no: no wallet is set: set NWC_URL/);
  const found = JSON.parse(await good(user, "--dry-run", "--json", url));
  assert.deepEqual([found.wouldPay, found.refusal, found.quote.amountSat, found.remaining.day], [true, null, 10, 1000]);
  const { payments, asked, requests } = await user.stats();
  assert.deepEqual([payments, asked, requests], [0, 0, 4], "each asked the shop once");
  assert.equal(JSON.parse(await good(user, "spent", "--json")).remaining.day, 1000);

  await good(user, url);
  assert.equal(await good(user, "--dry-run", url), "nothing to pay: it is free, or a token of the ledger opens it\n");
});

test("payments: a table, JSON and CSV; a stranger's text is no formula and moves no cursor", async () => {
  const user = await world.user();
  assert.match(await good(user, "payments"), /^time \(UTC\) +sat +fee +state +payment +scope +url\n$/);
  await good(user, user.url("a", "scope=path&description=%3D1%2B1"));
  await good(user, "--scope", "agent", user.url("b", "scope=path&msat=10500"));
  const all = JSON.parse(await good(user, "payments", "--json"));
  assert.deepEqual(
    all.map(({ url, amountMsat, scopes }) => [new URL(url).pathname.split("/").pop(), amountMsat, scopes]),
    [
      ["b", 10_500, ["agent"]],
      ["a", 10_000, []],
    ],
  );
  const [, second, third, ...more] = (await good(user, "payments")).split("\n");
  assert.match(second, /^\d{4}-\d\d-\d\d \d\d:\d\d +10\.5 +0 +paid +[0-9a-f]{12} +agent +http:\S+$/);
  assert.match(third, /^\d{4}-\d\d-\d\d \d\d:\d\d +10 +0 +paid +[0-9a-f]{12} +http:\S+$/);
  assert.deepEqual(more, [""]);
  const csv = (await good(user, "payments", "--csv", "--limit", "1", "--before", all[0].paymentHash)).split("\n");
  assert.equal(
    csv[0],
    "startedAt,settledAt,state,amountSat,feeSat,protocol,url,scopes,description,paymentHash,invoice",
  );
  assert.match(csv[1], /^\d{4}-\S+Z,\d{4}-\S+Z,paid,10,0,l402,http:\S+,,'=1\+1,[0-9a-f]{64},lnbc\w+$/);
  const of = async (...filter) => JSON.parse(await good(user, "payments", "--json", ...filter)).length;
  assert.equal(await of("--scope", "agent"), 1);
  assert.equal(await of("--state", "failed"), 0);
  assert.equal(await of("--origin", "https://other.example"), 0);
  assert.equal(await of("--since", "2100-01-01"), 0);
  assert.equal(await of("--since", "0", "--limit", "1000"), 2);
  assert.equal(await of("--before", all[0].paymentHash.slice(0, 12)), 1);
});

test("JSON and CSV hold no byte of a stranger's that a terminal takes for a command", async () => {
  const user = await world.user();
  const description = "a\u009b31mb\u202ec\u2028d\u{e0041}e\x7f\x1b[2J";
  const url = user.url("a", `description=${encodeURIComponent(description)}`);
  const whole = await good(user, "--json", url);
  for (const out of [whole, await good(user, "payments", "--json"), await good(user, "payments", "--csv")])
    assert.doesNotMatch(out.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  const [payment] = JSON.parse(await good(user, "payments", "--json"));
  assert.equal(payment.description, description);
  assert.equal(JSON.parse(whole).paid.description, description);
});

test("spent: sums, and what is left; of an origin and of a scope, too", async () => {
  const user = await world.user();
  user.set({ limits: { perPayment: 50, perDay: 200 }, scopes: { agent: { total: 30 } } });
  await good(user, "--scope", "agent", user.url("a"));
  assert.equal(
    await good(user, "spent"),
    "last hour       10 sat   no limit\nlast day        10 sat   190 sat left\never            10 sat   no limit\none payment may cost 50 sat now, fee included\n",
  );
  const scoped = JSON.parse(await good(user, "spent", "--scope", "agent", "--json"));
  assert.deepEqual([scoped.spent.total, scoped.remaining.total, scoped.remaining.payment], [10, 20, 20]);
  assert.equal(JSON.parse(await good(user, "spent", "https://other.example", "--json")).spent.total, 0);
});

test("balance, forget, resolve", async () => {
  const user = await world.user();
  assert.equal(await good(user, "balance"), "104228 sat\n");
  assert.deepEqual(JSON.parse(await good(user, "balance", "--json")), {
    balanceMsat: 104_228_000,
    balanceSat: 104_228,
  });

  await good(user, user.url("a"));
  assert.equal(
    await good(user, "forget", user.url("any")),
    `forgotten: the tokens of ${new URL(user.url("a")).origin}\n`,
  );
  await good(user, user.url("a"));
  assert.equal((await user.stats()).payments, 2);
  assert.equal(await good(user, "forget", "--all"), "forgotten: the tokens of all origins\n");

  user.node.answer = "answer=error&paid=1";
  user.node.on("GET /payments/outgoingbyhash/*", () => (response) => response.writeHead(503).end());
  const lost = await user.run([user.url("b")]);
  assert.equal(lost.code, 8, lost.err);
  const [, hash] = /l402-fetch resolve ([0-9a-f]{12}) --preimage HEX/.exec(lost.err);
  const wrong = await user.run(["resolve", hash, "--preimage", "11".repeat(32)]);
  assert.equal(wrong.code, 8);
  assert.match(wrong.err, /^l402-fetch: wrong_preimage: .*\n$/);
  const [{ paymentHash }] = JSON.parse(await good(user, "payments", "--json", "--limit", "1"));
  const { preimage } = await (await fetch(`${world.base}/wallet/${user.id}/lookup/${paymentHash}`)).json();
  assert.equal(await good(user, "resolve", hash, "--preimage", preimage), `settled: ${paymentHash} was paid\n`);
  assert.match(await good(user, user.url("b")), /^\{"bought":/);
  assert.equal((await user.stats()).payments, 3);
});

test("resolve --failed gives an amount back that a killed command had reserved", async () => {
  const user = await world.user();
  user.node.on("POST /payinvoice", () => () => {});
  user.node.on("GET /payments/outgoingbyhash/*", () => (response) => response.writeHead(503).end());
  const child = user.start([user.url("a")]);
  await user.node.until((seen) => seen.some(({ path }) => path === "/payinvoice"));
  const [{ paymentHash }] = JSON.parse(await good(user, "payments", "--json"));
  const early = await user.run(["resolve", paymentHash, "--failed"]);
  assert.equal(early.code, 2, "its command is still running");
  child.kill("SIGKILL");
  await child.ended;
  assert.equal(await good(user, "resolve", paymentHash, "--failed"), `settled: ${paymentHash} failed\n`);
  assert.equal(JSON.parse(await good(user, "spent", "--json")).spent.total, 0);
  assert.equal((await user.stats()).payments, 0);
});

test("decode: an invoice with who signed it, a header, a macaroon", async () => {
  const user = await world.user();
  const { header, token, invoice: of } = await (await fetch(`${world.base}/challenge?network=bc&payee=1`)).json();
  const { invoice } = of;
  const decoded = JSON.parse(await good(user, "decode", `lightning:${invoice.toUpperCase()}`));
  assert.deepEqual([decoded.amountSat, decoded.network, decoded.signedBy], [10, "bitcoin", decoded.payee]);
  const [challenge] = JSON.parse(await good(user, "decode", `WWW-Authenticate: ${header}`));
  assert.equal(challenge.offer.invoice, invoice);
  assert.equal(JSON.parse(await good(user, "decode", token)).paymentHash, decoded.paymentHash);
  for (const [text, says] of [
    ["lnbc1qqqq", /invalid_invoice: /],
    ["AgE=", /invalid_macaroon: /],
    ['L402 macaroon="a b"x', /invalid_challenge: /],
  ]) {
    const { code, err } = await user.run(["decode", text]);
    assert.equal(code, 6);
    assert.match(err, says);
  }
});

test("at a terminal it tells how it goes, in colours unless NO_COLOR says so; -s tells nothing", async () => {
  const user = await world.user();
  const url = user.url("a", "description=the%20weather");
  const first = await atTerminal(user, [url]);
  const lines = first.out.replace(/\x1b\[\d+m/g, "").split("\r\n");
  assert.deepEqual(lines.slice(0, 3), [
    `l402-fetch: ${new URL(url).origin} asks for 10 sat for "the weather"`,
    "l402-fetch: asking the wallet …",
    "l402-fetch: paid 10 sat",
  ]);
  assert.match(lines[3], /^\{"bought":/);
  assert.match(first.out, /\x1b\[/);
  const second = await atTerminal(user, [url], { NO_COLOR: "1" });
  assert.match(second.out, /^l402-fetch: already paid for: a token was used\r\n\{"bought":/);
  assert.doesNotMatch(second.out, /\x1b/);
  assert.match((await atTerminal(user, ["-s", url])).out, /^\{"bought":/);
  assert.match((await atTerminal(user, ["payments"])).out, /\x1b\[32mpaid\x1b/);
});

test("ledger and folder are their owner's alone; a ledger that others could read is closed to them", async () => {
  const user = await world.user();
  await good(user, user.url("a"));
  const modes = () => [dirname(user.ledger), user.ledger].map((path) => statSync(path).mode & 0o777);
  assert.deepEqual(modes(), [0o700, 0o600]);
  chmodSync(user.ledger, 0o644);
  await good(user, user.url("a"));
  assert.deepEqual(modes(), [0o700, 0o600]);
});

test("a wallet of the settings pays; the environment's goes before it; others must not read it", async () => {
  const user = await world.user();
  const { PHOENIXD_URL, PHOENIXD_PASSWORD } = user.env;
  user.set({ wallet: { PHOENIXD_URL, PHOENIXD_PASSWORD } });
  const none = { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "" };
  const { code, err } = await user.run([user.url("a")], { env: none });
  assert.deepEqual([code, err], [0, ""]);
  const other = await user.run(["balance"], { env: { PHOENIXD_URL: "http://127.0.0.1:9" } });
  assert.equal(other.code, 3);
  chmodSync(user.config, 0o644);
  const open = await user.run(["balance"], { env: none });
  assert.deepEqual([open.code, open.out], [0, "104228 sat\n"]);
  assert.match(open.err, /config\.json holds the wallet's secret, and others can read it: chmod 600 it/);
});

test("NWC works without a package beside it: the library is inside", async () => {
  const user = await world.user();
  const url = `nostr+walletconnect://${"ab".repeat(32)}?relay=ws%3A%2F%2F127.0.0.1%3A9&secret=${"cd".repeat(32)}`;
  const { code, err } = await user.run([user.url("a")], {
    env: { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "", NWC_URL: url },
  });
  assert.equal(code, 7, err);
  assert.match(err, /payment_failed: .*could not be asked: /);
  assert.doesNotMatch(err, /npm i/);
});

test("NWC pays through a relay, and what its library prints is not in the answer", async (t) => {
  const user = await world.user();
  const { WebSocket } = await import("ws");
  globalThis.WebSocket ??= WebSocket;
  const printed = { ...console };
  for (const level of ["log", "info", "warn", "error", "debug"]) console[level] = () => {};
  t.after(() => Object.assign(console, printed));
  const { openWallet } = await import("../wallets/relay.mjs");
  const wallet = await openWallet({
    async payInvoice({ invoice }) {
      const paid = await fetch(`${world.base}/wallet/${user.id}/pay`, { method: "POST", body: invoice });
      const { preimage } = await paid.json();
      return { result: { preimage, fees_paid: 0 } };
    },
    getBalance: async () => ({ result: { balance: 980_500 } }),
  });
  t.after(() => wallet.close());
  wallet.relay.notice = "the library prints this";
  const env = { PHOENIXD_URL: "", PHOENIXD_PASSWORD: "", NWC_URL: wallet.connection };
  for (const paidNow of [true, false]) {
    const { code, out, err } = await user.run(["--json", user.url("a")], { env });
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(JSON.parse(out).paid.paidNow, paidNow);
  }
  const { out, err } = await user.run(["balance"], { env });
  assert.deepEqual([out, err], ["980 sat\n", ""]);
  assert.equal((await user.stats()).payments, 1);
});

test("--help names every option, command and exit code; --version is the package's", async () => {
  const user = await world.user();
  const help = await good(user, "--help");
  for (const word of ["--max-sats N", "-X, --request METHOD", "payments", "completion SHELL", user.config, user.ledger])
    assert.ok(help.includes(word), word);
  for (const line of help.split("\n")) assert.ok(line.length <= 120, line);
  assert.equal(await good(user, "payments", "--help"), help);
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  assert.equal(await good(user, "--version"), `${version}\n`);
});

test("settings and ledger are never in the folder that it is run in: it may be a stranger's", async () => {
  const user = await world.user();
  const none = { XDG_CONFIG_HOME: "", XDG_DATA_HOME: "" };
  for (const env of [
    { XDG_CONFIG_HOME: "config", XDG_DATA_HOME: "./data" },
    { ...none, HOME: "" },
    { ...none, HOME: "here" },
  ]) {
    const { out } = await user.run(["--help"], { env });
    const [, files] = /\nFiles\n((?: {2}.*\n)+)/.exec(out);
    assert.match(files, /^ {2}\/\S*\/config\.json\n {2}\/\S*\/ledger\.db: /);
  }
  const { code, err } = await user.run(["spent"], { env: { XDG_CONFIG_HOME: "config", XDG_DATA_HOME: "data" } });
  assert.deepEqual([code, err], [0, ""]);
  assert.ok(existsSync(join(user.home, ".local/share/l402-fetch/ledger.db")));
});

test("completion: bash completes commands, options and values", async () => {
  const user = await world.user();
  const script = await good(user, "completion", "bash");
  const complete = async (...words) =>
    (
      await run(
        "bash",
        [
          "-c",
          `eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _l402_fetch; printf '%s\\n' "\${COMPREPLY[@]}"`,
          "bash",
          script,
          "l402-fetch",
          ...words,
        ],
        { quiet: true },
      )
    ).trim();
  assert.equal(await complete("pay"), "payments");
  assert.equal(await complete("payments", "--st"), "--state");
  assert.equal(await complete("payments", "--state", "un"), "unknown");
  assert.equal(await complete("--max"), "--max-sats\n--max-deposit");
  assert.equal(await complete("mc"), "mcp");
  assert.equal(await complete("mcp", "--a"), "--allow");
  assert.equal(await complete("completion", "f"), "fish");
  for (const shell of ["zsh", "fish"]) {
    const text = await good(user, "completion", shell);
    for (const word of ["payments", "max-sats", "pending unknown paid failed"]) assert.ok(text.includes(word), word);
  }
});
