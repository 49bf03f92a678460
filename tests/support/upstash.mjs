// A stand-in for Upstash's Redis over HTTP: a command is posted as a JSON list, the answer is JSON, its texts in
// base64 where that is asked for. Behind it is a real Redis. Written from Upstash's documentation of the wire.
import { createServer } from "node:http";
import { bodyOf, listen } from "./listen.mjs";

const TOKEN = "stand-in";

/**
 * `call(list)` runs a command. `trips()`: how many requests came since it was last asked; `cutNext()`: the next gets
 * no answer.
 */
export async function startUpstash(call) {
  let trips = 0;
  let cut = false;
  const server = createServer(async (request, response) => {
    trips++;
    const inBase64 = request.headers["upstash-encoding"] === "base64";
    const encoded = (value) => {
      if (Array.isArray(value)) return value.map(encoded);
      return typeof value === "string" && inBase64 ? Buffer.from(value).toString("base64") : value;
    };
    const run = async (command) => {
      try {
        if (request.headers.authorization !== `Bearer ${TOKEN}`) throw new Error("WRONGPASS invalid token");
        return { result: encoded(await call(command)) };
      } catch (error) {
        return { error: error.message };
      }
    };
    const body = JSON.parse(await bodyOf(request));
    // a pipeline's answer is 200, whatever became of each
    const isPipeline = new URL(request.url, "http://localhost").pathname === "/pipeline";
    const answer = isPipeline ? await Promise.all(body.map(run)) : await run(body);
    const status = answer.error ? 400 : 200;
    if (cut) {
      cut = false;
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  const { url, close } = await listen(server);
  return {
    url,
    token: TOKEN,
    close,
    trips() {
      const counted = trips;
      trips = 0;
      return counted;
    },
    cutNext() {
      cut = true;
    },
  };
}
