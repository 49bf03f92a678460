// A proxy before a server on loopback: counts round trips, and cuts a connection once the server has answered.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Listens on a port of the system's choice. `trips()`: how often a client spoke and was answered, since the last time
 * it was asked. `cutNext()`: the next answer is kept back, and its connection cut.
 */
export async function startProxy(port) {
  let trips = 0;
  let cut = false;
  const open = new Set();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let asked = false;
    for (const [one, two] of [
      [client, upstream],
      [upstream, client],
    ]) {
      open.add(one);
      one.setNoDelay(true);
      one.on("error", () => {});
      one.on("close", () => {
        open.delete(one);
        two.destroy();
      });
    }
    client.on("data", (bytes) => {
      asked = true;
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (asked) trips++;
      asked = false;
      if (cut) {
        cut = false;
        client.destroy();
      } else client.write(bytes);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: server.address().port,
    trips() {
      const counted = trips;
      trips = 0;
      return counted;
    },
    cutNext() {
      cut = true;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
