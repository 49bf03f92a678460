// aperture, the reference L402 server, with the seller's node, in front of a plain HTTP backend.
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { bodyOf, freePorts, listen } from "../support/listen.mjs";
import { Daemon } from "./daemon.mjs";
import { programs } from "./programs.mjs";

/**
 * A service for each need of a test, by name: `/NAME` and all below it. `price` in satoshis; `timeout` in seconds,
 * after which a token is no longer taken; `authscheme` is what it takes, whatever was offered.
 */
export const SERVICES = {
  weather: { price: 12 },
  books: { price: 30 },
  brief: { price: 7, timeout: 6 },
  dear: { price: 5_000_000 },
  tight: { price: 995_000 },
  refusing: { price: 5, authscheme: "mpp" },
  either: { price: 9, authscheme: "l402+mpp" },
  metered: { price: 2, authscheme: "mpp" },
};

/**
 * Starts it, named `name`, and resolves with its `url`, its `daemon` and `stop()`. With `mpp` every 402 offers the
 * Payment scheme, charge and session, beside L402. `lightning` is the node's network, as aperture calls it.
 */
export async function startAperture(network, backend, { name = "aperture", mpp = false, lightning = "regtest" } = {}) {
  const folder = join(network.folder, name);
  await mkdir(folder);
  const [port] = await freePorts(1);
  const { seller } = network;
  const services = Object.entries(SERVICES).map(([service, settings]) => ({
    name: service,
    hostregexp: ".*",
    pathregexp: `^/${service}(/.*)?$`,
    address: backend.address,
    protocol: "http",
    auth: "on",
    ...settings,
  }));
  const config = join(folder, "aperture.yaml");
  // JSON is YAML
  await writeFile(
    config,
    JSON.stringify({
      listenaddr: `127.0.0.1:${port}`,
      insecure: true,
      debuglevel: "info",
      basedir: folder,
      dbbackend: "sqlite",
      authenticator: {
        network: lightning,
        lndhost: seller.grpc,
        tlspath: seller.certPath,
        macdir: seller.macaroonDir,
        ...(mpp && { enablempp: true, enablesessions: true, mpprealm: "interop" }),
      },
      services,
    }),
  );
  // the file's own place for the database is not heeded
  const daemon = new Daemon(
    name,
    programs.aperture,
    [`--configfile=${config}`, `--sqlite.dbfile=${join(folder, "aperture.db")}`],
    /Starting the server, listening on/,
  );
  await daemon.start();
  return { url: `http://127.0.0.1:${port}`, daemon, stop: () => daemon.stop() };
}

/**
 * The plain server behind: answers JSON that says what it was sent. `requests` is what got through to it, `{ method,
 * path, body }` each.
 */
export async function startBackend() {
  const requests = [];
  const server = createServer(async (request, response) => {
    const received = { method: request.method, path: request.url, body: await bodyOf(request) };
    requests.push(received);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ bought: true, ...received }));
  });
  const { address, close } = await listen(server);
  return { address, requests, stop: close };
}
