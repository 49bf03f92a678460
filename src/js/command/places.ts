// Where this user's ledger and settings are.
import { join } from "node:path";
import envPaths from "env-paths";

const { data, config } = envPaths("l402-fetch", { suffix: "" });

/** The folder of the ledger. */
export const DATA: string = data;
/** The ledger. */
export const LEDGER: string = join(data, "ledger.db");
/** The settings. */
export const CONFIG: string = join(config, "config.json");
