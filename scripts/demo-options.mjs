// Reads the demo's command line and environment.
import { existsSync } from "node:fs";
import { RunError } from "./lib.mjs";

/** Each option's environment variable. */
const VARIABLES = {
  lnd: "LND_URL",
  macaroon: "LND_MACAROON",
  cert: "LND_CERT",
  shop: "SHOP_URL",
  seller: "SELLER_LND",
  "seller-cert": "SELLER_CERT",
  "seller-macaroons": "SELLER_MACAROONS",
};

/**
 * Reads the command line and the environment. null: the demo without nodes. `{}`: a network of its own. Options take
 * precedence over variables. Variables count only if real nodes are asked for, since they may be set for other
 * programs.
 *
 * @throws {RunError} if they contradict each other, or something is missing
 */
export function readChoice(values, environment) {
  const given = Object.keys(VARIABLES).some((name) => values[name] !== undefined);
  if (!values.real && !given) return null;
  const choice = Object.fromEntries(
    Object.entries(VARIABLES).map(([name, variable]) => [name, values[name] ?? (environment[variable] || undefined)]),
  );
  const { lnd, macaroon, shop, seller } = choice;
  if (lnd === undefined) {
    if (given) throw new RunError("--lnd is missing: the REST address of the node that pays");
    return {};
  }
  if (!/^https?:$/.test(parse("--lnd", lnd).protocol)) throw new RunError("--lnd needs an http or https URL");
  if (macaroon === undefined) throw new RunError("--macaroon is missing: the node's macaroon, as a file or in hex");
  if ((shop === undefined) === (seller === undefined))
    throw new RunError("say what to buy: either --shop URL or --seller HOST:PORT");
  if (shop !== undefined && !/^https?:$/.test(parse("--shop", shop).protocol))
    throw new RunError("--shop needs an http or https URL");
  for (const name of ["seller-cert", "seller-macaroons"]) {
    if (seller !== undefined && !(choice[name] && existsSync(choice[name])))
      throw new RunError(`--${name} is missing, or there is no such file`);
  }
  return choice;
}

function parse(name, value) {
  try {
    return new URL(value);
  } catch {
    throw new RunError(`${name} needs a URL`);
  }
}
