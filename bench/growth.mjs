// `npm run bench -- growth [--quick] [memory|sqlite|servers…]`: what a purchase costs as payments grow, each for a
// resource of its own: in memory, in SQLite, and in servers. Beside commit 95b1539 where it can still play, and beside
// bare transactions of the same rows. Prints figures and aims; asserts nothing.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, run } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";
import { distOf } from "./earlier.mjs";

const EARLIER = "95b1539";
// Older versions have no SQLite of their own. All parts and both builds are measured in the same one.
const NODE = at("tests/node_modules/node24/bin/node");
const PARTS = ["memory", "sqlite", "servers"];

/** `args`: what follows the name of this benchmark. */
export async function growth(args) {
  await setup("packages");
  const earlier = await distOf(EARLIER);
  const folder = await mkdtemp(join(tmpdir(), "l402-growth-"));
  const isQuick = args.includes("--quick");
  const wanted = PARTS.filter((part) => args.includes(part));
  const env = { NODE_NO_WARNINGS: "1" };
  try {
    for (const part of wanted.length > 0 ? wanted : PARTS) {
      const file = at(`bench/growth/${part}.mjs`);
      const given = JSON.stringify({ earlier, commit: EARLIER, folder, isQuick });
      await run(NODE, ["--expose-gc", "--max-old-space-size=3000", file, given], { env });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
