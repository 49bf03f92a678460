// Servers on loopback, at ports that the system picks.
import { createServer } from "node:net";

/**
 * Has a server listen. Resolves with its `port`, its `address` (host and port), its `url` over HTTP, and a `close()`
 * that ends open connections as well. Rejects where the port is taken.
 */
export async function listen(server, { port = 0 } = {}) {
  await new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(port, "127.0.0.1", done);
  });
  const address = `127.0.0.1:${server.address().port}`;
  return {
    port: server.address().port,
    address,
    url: `http://${address}`,
    close: () =>
      new Promise((done) => {
        server.close(done);
        server.closeAllConnections?.();
      }),
  };
}

/** The whole body of a request as text. */
export async function bodyOf(request, encoding = "utf8") {
  let body = "";
  for await (const chunk of request.setEncoding(encoding)) body += chunk;
  return body;
}

/** Ports that nothing listens on, all different. */
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(createServer())));
  await Promise.all(servers.map((server) => server.close()));
  return servers.map((server) => server.port);
}
