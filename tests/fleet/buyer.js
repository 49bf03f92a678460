// One process of the fleet: buys one URL after another, several at once, and tells what came of each. `buyer.js GIVEN`
import { createRequire } from "node:module";
import { at } from "../../scripts/lib.mjs";
import { createFetch } from "../../dist/node.js";
import { postgresStore } from "../../dist/stores/postgres.js";
import { redisStore } from "../../dist/stores/redis.js";
import { sqliteStore } from "../../dist/stores/sqlite.js";
import { moveClock } from "../runtimes/shop.js";

const { name, kind, place, wallet, perHour, atOnce, pass } = JSON.parse(process.argv[2]);
const require = createRequire(at("tests/package.json"));
const host = "127.0.0.1";

const STORES = {
  sqlite: () => sqliteStore(place),
  postgres: () =>
    postgresStore(new (require("pg").Pool)({ host, port: place, user: "postgres", database: "postgres", max: 4 })),
  redis: () => redisStore(new (require("ioredis").Redis)(place, host)),
};

const { fetch } = globalThis;
const pay = createFetch({
  store: STORES[kind](),
  networks: ["regtest"],
  limits: { perPayment: 100, perHour },
  // what a process leaves behind when it is killed is not waited for, but tried again in the end
  paymentTimeout: 5_000,
  wallet: {
    id: "fleet",
    settlesOnce: true,
    async pay({ paymentHash }, { maxFeeMsat }) {
      const url = `${wallet}/pay/${paymentHash}/${name}`;
      const answer = await (await fetch(url, { method: "POST", body: JSON.stringify({ maxFeeMsat }) })).json();
      return answer.state === "failed" ? { failed: "no route" } : answer;
    },
    lookup: async (hash) => (await fetch(`${wallet}/lookup/${hash}`)).json(),
  },
});

async function buy(url) {
  try {
    const response = await pay(url);
    return response.status === 200 ? "bought" : `answered ${response.status}`;
  } catch (error) {
    return error.code ?? String(error);
  }
}

const jobs = {
  async buy({ urls }) {
    const rest = urls.values();
    const worker = async () => {
      for (const url of rest) process.send({ url, outcome: await buy(url) });
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  },
  /** What the ledger has of all payments. */
  async tell() {
    const payments = [];
    for (let before; ; before = payments.at(-1).paymentHash) {
      const page = await pay.payments({ limit: 1000, ...(before && { before }) });
      payments.push(...page);
      if (page.length < 1000) break;
    }
    const origins = [...new Set(payments.map(({ origin }) => origin))];
    const each = await Promise.all(origins.map((origin) => pay.spent(origin)));
    const total = each.reduce((sum, spent) => sum + spent.total, 0);
    process.send({
      payments: payments.map(({ paymentHash, state }) => [paymentHash, state]),
      spent: await pay.spent(),
      total,
    });
  },
};
process.on("disconnect", () => process.exit());
process.on("message", async ({ job, ...given }) => {
  await jobs[job](given);
  process.send({ done: true });
});
// the leases that it has seen by now have lapsed when it goes on
if (pass) {
  await pay.payments();
  moveClock(pass);
}
process.send({ ready: true });
