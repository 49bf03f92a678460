// PostgreSQL and Redis, each in a new folder and on a port of its own, on loopback alone.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { find, REDIS, run } from "../../scripts/lib.mjs";

async function freePort() {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a server with `start`. Resolves with what kills and starts it again, and what ends it for good. */
async function server(folder, port, start) {
  let child;
  let exited;
  async function begin() {
    child = start();
    exited = once(child, "exit");
    let said = "";
    await new Promise((ready, fail) => {
      child.on("error", fail);
      child.on("exit", () => fail(new Error(`the server ended before it was ready: ${said}`)));
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text) => {
          said = (said + text).slice(-4000);
          // both say so, in their own words
          if (/ready to accept connections/i.test(said)) ready();
        });
      }
    });
  }
  async function end(signal) {
    child.kill(signal);
    await exited;
  }
  await begin();
  return {
    port,
    folder,
    /** As if its machine had failed: it is told nothing before it ends. */
    async restart() {
      await end("SIGKILL");
      await begin();
    },
    async close() {
      await end("SIGINT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * PostgreSQL as the user postgres, since it refuses root. The user and the database are `postgres`, without a
 * password. It does not wait for the disk: what is killed here are processes, never the machine.
 */
export async function startPostgres(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), "l402-postgres-"));
  const isRoot = userInfo().uid === 0;
  if (isRoot) {
    const [user, group] = (await run("sh", ["-c", "id -u postgres; id -g postgres"], { quiet: true })).split("\n");
    await chown(folder, Number(user), Number(group));
  }
  const port = await freePort();
  const asPostgres = (program, ...args) =>
    isRoot ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", program, ...args]] : [program, args];
  const data = join(folder, "data");
  await run(
    ...asPostgres(find("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
    { cwd: folder, quiet: true },
  );
  const all = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: folder,
    max_connections: 60,
    fsync: "off",
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const start = () => {
    // of the same version, whatever else the PATH has
    const [program, args] = asPostgres(join(dirname(find("initdb")), "postgres"), "-D", data, ...flags);
    return spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  };
  return server(folder, port, start);
}

/** Redis with an append-only file, which is written and flushed before each answer. */
export async function startRedis(...flags) {
  const folder = await mkdtemp(join(tmpdir(), "l402-redis-"));
  const port = await freePort();
  const args = [
    "--port",
    port,
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
  ];
  const start = () =>
    spawn(REDIS.map(find).find(Boolean), [...args.map(String), "--save", "", ...flags], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
  return server(folder, port, start);
}
