// A shop, a node that pays, and a user with a home of their own who calls the command.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../../scripts/lib.mjs";
import { startPaywall } from "../support/paywall.mjs";
import { empty, json, openStandIn, text } from "../wallets/stand-in.mjs";

export const NODE_22 = at("tests/node_modules/node22/bin/node");
export const NODE_24 = at("tests/node_modules/node24/bin/node");
export const BIN = at("dist/command/bin.js");
export const PASSWORD = "hunter2-never-shown";
const MINUTES = 60_000;

let ids = 0;

/** Starts what all tests of a file share. */
export async function openWorld() {
  const paywall = await startPaywall();
  const homes = [];
  const nodes = [];
  return {
    base: paywall.base,
    /** A user of their own: a home, a shop and a phoenixd that pays in it. */
    async user() {
      const id = `command-${process.pid}-${++ids}`;
      const home = mkdtempSync(join(tmpdir(), "l402-command-"));
      homes.push(home);
      const node = await openPhoenixd(paywall.base, id);
      nodes.push(node);
      return userOf({ base: paywall.base, id, home, node });
    },
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
      await paywall.close();
      for (const home of homes) rmSync(home, { recursive: true, force: true });
    },
  };
}

/** phoenixd's API, with the paywall's wallet behind it. `answer` is a query of the paywall's wallet. */
async function openPhoenixd(base, id) {
  const node = await openStandIn();
  const wallet = `${base}/wallet/${id}`;
  node.answer = "";
  node.on("POST /payinvoice", async ({ headers, body }) => {
    if (headers.authorization !== `Basic ${btoa(`:${PASSWORD}`)}`) return text(401, `wrong: ${headers.authorization}`);
    const invoice = new URLSearchParams(body).get("invoice");
    const paid = await fetch(`${wallet}/pay?${node.answer}`, { method: "POST", body: invoice });
    const { preimage, failed, feeMsat = 0 } = await paid.json().catch(() => ({}));
    if (failed) return json(200, { type: "payment_failed", reason: "payment attempts exhausted without success" });
    if (!preimage) return (response) => response.destroy();
    return json(200, { recipientAmountSat: 10, routingFeeSat: feeMsat / 1000, paymentPreimage: preimage });
  });
  node.on("GET /payments/outgoingbyhash/*", async ({ path }) => {
    const found = await fetch(`${wallet}/lookup/${path.split("/").pop()}`);
    if (found.status === 404) return text(404, "Not found");
    const { state, preimage } = await found.json();
    if (state === "paid") return json(200, { isPaid: true, preimage, fees: 0, completedAt: 1, createdAt: 1 });
    return json(200, { isPaid: false, ...(state === "failed" && { completedAt: 1, createdAt: Date.now() }) });
  });
  node.on("GET /getbalance", () => json(200, { balanceSat: 104_228, feeCreditSat: 0 }));
  node.on("POST /createinvoice", async ({ body }) => {
    const { description, expirySeconds: expiry, amountSat } = Object.fromEntries(new URLSearchParams(body));
    const terms = {
      network: "bc",
      description,
      expiry,
      ...(amountSat ? { msat: amountSat * 1000 } : { amount: "none" }),
    };
    const made = await fetch(`${wallet}/invoice?${new URLSearchParams(terms)}`, { method: "POST" });
    return json(200, { serialized: (await made.json()).invoice });
  });
  node.on("GET /payments/incoming/*", async ({ path }) => {
    const { msat } = await (await fetch(`${wallet}/received/${path.split("/").pop()}`)).json();
    return json(200, { receivedSat: msat / 1000, fees: 0 });
  });
  node.on("GET /empty", () => empty(204));
  return node;
}

function userOf({ base, id, home, node }) {
  const config = join(home, "config/l402-fetch/config.json");
  const user = {
    id,
    home,
    node,
    config,
    ledger: join(home, "data/l402-fetch/ledger.db"),
    stats: async (query = "log=0") => (await fetch(`${base}/stats/${id}?${query}`)).json(),
    until: async (count, number) => (await fetch(`${base}/stats/${id}/wait?${count}=${number}`)).json(),
    release: () => fetch(`${base}/stats/${id}/release`, { method: "POST" }),
    url: (path, query = "") => `${base}/shop/${id}/${path}?network=bc&${query}`,
    free: (path, query = "") => `${base}/free/${id}/${path}?${query}`,
    /** Writes the settings: a value, or a text as it is. */
    set(value) {
      mkdirSync(join(home, "config/l402-fetch"), { recursive: true });
      writeFileSync(config, typeof value === "string" ? value : JSON.stringify(value), { mode: 0o600 });
    },
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      PHOENIXD_URL: node.url,
      PHOENIXD_PASSWORD: PASSWORD,
    },
    /** Starts the command that was built, in a process of its own. `stdin: "open"` lets the test write. */
    start(args, { env = {}, program = NODE_24, stdin = "ignore", wrap } = {}) {
      const line = [program, BIN, ...args];
      const [first, ...rest] = wrap ? wrap(line) : line;
      const child = spawn(first, rest, {
        cwd: home,
        env: { ...user.env, ...env },
        stdio: [stdin === "ignore" ? "ignore" : "pipe", "pipe", "pipe"],
      });
      if (stdin !== "ignore" && stdin !== "open") child.stdin.end(stdin);
      const late = setTimeout(() => child.kill("SIGKILL"), 2 * MINUTES);
      const out = [];
      let err = "";
      const waiting = [];
      child.stdout.on("data", (data) => out.push(data));
      child.stderr.setEncoding("utf8").on("data", (data) => {
        err += data;
        for (const [wanted, happen] of waiting) if (wanted.test(err)) happen();
      });
      child.ended = new Promise((done) =>
        child.on("close", (code, signal) => {
          clearTimeout(late);
          const bytes = Buffer.concat(out);
          done({ code, signal, bytes, out: bytes.toString(), err });
        }),
      );
      /** Resolves once standard error has said it. */
      child.said = (wanted) => new Promise((happen) => (wanted.test(err) ? happen() : waiting.push([wanted, happen])));
      return child;
    },
    run: (args, options) => user.start(args, options).ended,
  };
  return user;
}
