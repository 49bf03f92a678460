// The demo on real nodes: a network of its own, or the user's lnd.
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVICES, startAperture } from "../tests/interop/aperture.mjs";
import { removeAtEnd } from "../tests/interop/daemon.mjs";
import { openLnd } from "../tests/interop/lnd.mjs";
import { startNetwork } from "../tests/interop/network.mjs";
import { buildPrograms } from "../tests/interop/programs.mjs";
import { listen } from "../tests/support/listen.mjs";
import { serveDemo } from "./demo-server.mjs";
import { RunError } from "./lib.mjs";

const FORECAST = {
  place: "Longyearbyen",
  unit: "°C",
  days: [
    { day: "Monday", sky: "snow", low: -14, high: -9 },
    { day: "Tuesday", sky: "clear", low: -18, high: -12 },
    { day: "Wednesday", sky: "cloud", low: -11, high: -7 },
  ],
};

/**
 * Starts the nodes that `readChoice` chose, and the page on `port`. `say` gets a line for each step. `build` makes the
 * package. It is called once the programs or the user's node are there. Resolves with the page's `url`, a text `what`
 * about it, its own `network` if it has one, and `close()`.
 */
export async function startReal(choice, { port = 0, say = () => {}, build = async () => {} } = {}) {
  return choice.lnd === undefined ? startOwnNetwork({ port, say, build }) : startWithLnd(choice, { port, say, build });
}

async function startOwnNetwork({ port, say, build }) {
  await buildPrograms();
  await build();
  say("starting btcd and two lnd nodes, and opening a channel between them (15 s)");
  const network = await startNetwork();
  const { buyer, seller } = network;
  say("starting aperture with the seller's node");
  const backend = await startForecasts();
  const aperture = await startAperture(network, backend);
  const { price } = SERVICES.weather;
  const page = await serveDemo({
    port,
    shop: new URL("/weather", aperture.url),
    lnd: { url: buyer.restUrl, macaroon: buyer.macaroonHex, ca: await readFile(buyer.certPath) },
    about: { source: aperture.url, network: "regtest", price, thing: "forecast", payer: "buyer", isOwn: false },
  });
  return {
    ...page,
    network,
    what: `lnd pays at ${buyer.restUrl}, aperture sells at ${aperture.url}, the shop's node is ${seller.key}`,
    async close() {
      await page.close();
      await aperture.stop();
      await backend.close();
      await network.stop();
    },
  };
}

async function startWithLnd({ lnd: url, macaroon, cert, shop, ...seller }, { port, say, build }) {
  const lnd = { url, macaroon: await readMacaroon(macaroon), ca: cert && (await readNamed("--cert", cert)) };
  const { alias, network } = await greet(lnd);
  const about = { network, payer: alias, isOwn: true };
  const serve = (target, more) =>
    serveDemo({ port, shop: target, lnd, about: { ...about, source: target.href, ...more } });
  say(`your node ${alias} is on ${network}${network === "bitcoin" ? ": this is real money" : ""}`);
  if (shop) {
    await build();
    return { ...(await serve(new URL(shop), { thing: "resource" })), what: `${alias} pays, ${shop} sells` };
  }

  await buildPrograms(["aperture"]);
  await build();
  say("starting aperture with the seller's node");
  const folder = await mkdtemp(join(tmpdir(), "l402-fetch-demo-"));
  removeAtEnd(folder);
  const backend = await startForecasts();
  const node = { grpc: seller.seller, certPath: seller["seller-cert"], macaroonDir: seller["seller-macaroons"] };
  const aperture = await startAperture({ folder, seller: node }, backend, {
    lightning: network === "bitcoin" ? "mainnet" : network,
  });
  const page = await serve(new URL("/weather", aperture.url), { thing: "forecast", price: SERVICES.weather.price });
  return {
    ...page,
    what: `${alias} pays, aperture sells at ${aperture.url}`,
    async close() {
      await page.close();
      await aperture.stop();
      await backend.close();
    },
  };
}

/** Returns hex unchanged. Any other text is the path of a file, which is read. */
async function readMacaroon(value) {
  if (/^([0-9a-f]{2}){32,}$/i.test(value)) return value.toLowerCase();
  return (await readNamed("--macaroon", value)).toString("hex");
}

async function readNamed(name, path) {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new RunError(`${name}: ${cause.code === "ENOENT" ? "no such file" : cause.message}`, { cause });
  }
}

/** Asks the node for its identity, so that an unusable node is found early. */
async function greet(lnd) {
  let answer;
  let body = "";
  try {
    answer = await openLnd(lnd, "/v1/getinfo");
    for await (const part of answer.setEncoding("utf8")) body += part;
  } catch (cause) {
    const hint = /certificate|issuer/i.test(cause.message) ? "; name its tls.cert with --cert" : "";
    throw new RunError(`the lnd at ${lnd.url} can't be reached: ${cause.message || cause.code}${hint}`, { cause });
  }
  if (answer.statusCode !== 200)
    throw new RunError(
      `the lnd at ${lnd.url} answered ${answer.statusCode} when asked who it is: ${body.slice(0, 200)}`,
    );
  const { alias, chains } = JSON.parse(body);
  const { network } = chains[0];
  return { alias, network: network === "mainnet" ? "bitcoin" : network };
}

/** The page that aperture sells. */
async function startForecasts() {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(FORECAST));
  });
  return listen(server);
}
