// Where this user's ledger and settings are.
import { userInfo } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import envPaths from "env-paths";

// Relative ones are to be ignored, says the specification. They would mean the folder that the command is run in: the
// settings of whoever made that folder, and limits that begin anew in each.
for (const name of ["XDG_CONFIG_HOME", "XDG_DATA_HOME"]) {
  if (!isAbsolute(process.env[name] ?? "")) delete process.env[name];
}
const { data, config } = envPaths("l402-fetch", { suffix: "" });

/** A HOME that is empty or relative gives a relative path. The system knows the user's home as well. */
const atHome = (path: string) => (isAbsolute(path) ? path : resolve(userInfo().homedir, path));

/** The folder of the ledger. */
export const DATA: string = atHome(data);
/** The ledger. */
export const LEDGER: string = join(DATA, "ledger.db");
/** The settings. */
export const CONFIG: string = join(atHome(config), "config.json");
