// `npm run bench -- command`: `l402-fetch URL` with a token that was bought, beside curl and an empty program in Node.
// In turns, in one run; prints medians and ratios, and asserts nothing. `BENCH_NODE` is the Node that runs it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../scripts/lib.mjs";
import { startPaywall } from "../tests/support/paywall.mjs";
import { openStandIn, json } from "../tests/wallets/stand-in.mjs";
import { median } from "./compare.mjs";

const TIMES = Number(process.env.BENCH_TIMES ?? 40);
const NODE = process.env.BENCH_NODE ?? at("tests/node_modules/node24/bin/node");

/** How long a program takes, in milliseconds. */
function time(program, args, env) {
  return new Promise((done, fail) => {
    const begin = performance.now();
    const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "inherit"] });
    child.on("error", fail);
    child.on("close", (code) =>
      code === 0 ? done(performance.now() - begin) : fail(new Error(`${program} ended with ${code}`)),
    );
  });
}

export async function command() {
  const home = mkdtempSync(join(tmpdir(), "l402-bench-"));
  const paywall = await startPaywall();
  const wallet = await openStandIn();
  wallet.on("POST /payinvoice", async ({ body }) => {
    const invoice = new URLSearchParams(body).get("invoice");
    const { preimage } = await (
      await fetch(`${paywall.base}/wallet/bench/pay`, { method: "POST", body: invoice })
    ).json();
    return json(200, { recipientAmountSat: 10, routingFeeSat: 0, paymentPreimage: preimage });
  });
  const env = { PATH: process.env.PATH, HOME: home, PHOENIXD_URL: wallet.url, PHOENIXD_PASSWORD: "bench" };
  const url = `${paywall.base}/shop/bench/weather?network=bc`;
  const ours = () => time(NODE, [at("dist/command/bin.js"), url], env);
  const rows = {
    curl: () => time("curl", ["-s", url.replace("/shop/", "/free/")], env),
    "node, an empty program": () => time(NODE, ["-e", "0"], env),
    "node, fetch alone": () => time(NODE, ["-e", `fetch("${url.replace("/shop/", "/free/")}")`], env),
    "l402-fetch URL, token reused": ours,
  };
  try {
    await ours();
    const times = Object.fromEntries(Object.keys(rows).map((name) => [name, []]));
    for (let round = 0; round < TIMES; round++)
      for (const [name, run] of Object.entries(rows)) times[name].push(await run());
    const { payments } = await (await fetch(`${paywall.base}/stats/bench?log=0`)).json();
    console.log(`\n== command: whole programs, median of ${TIMES}, ${payments} payment`);
    for (const [name, found] of Object.entries(times))
      console.log(`  ${name.padEnd(44)}${median(found).toFixed(1).padStart(9)} ms`);
    const [curl, node, fetching, mine] = Object.values(times).map(median);
    for (const [name, base] of [
      ["l402-fetch / (curl + node)", curl + node],
      ["l402-fetch / (curl + node that fetches)", curl + fetching],
    ])
      console.log(`  ${name.padEnd(44)}${(mine / base).toFixed(2).padStart(9)} x`);
  } finally {
    await wallet.close();
    await paywall.close();
    rmSync(home, { recursive: true, force: true });
  }
}
