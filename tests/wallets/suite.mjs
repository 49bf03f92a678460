// Every test of one wallet module: its own table, and what all of them have in common.
import { before, after, describe, test } from "node:test";
import { at } from "../../scripts/lib.mjs";
import { startPaywall } from "../lib/paywall.mjs";
import { runRow } from "./rows.mjs";

export function suite(kit, rows) {
  const world = {};
  before(async () => {
    world.paywall = await startPaywall();
    world.pkg = await import(at("dist/node.js"));
    const module = await import(at(`dist/wallets/${kit.name}.js`));
    kit.open = (url, more) => module[kit.name]({ ...kit.options(url), ...more });
  });
  after(() => world.paywall.close());

  describe(`${kit.name}: its table`, { concurrency: 8 }, () => {
    for (const [name, row] of Object.entries(rows)) test(name, () => runRow(world, kit, row));
  });
}
