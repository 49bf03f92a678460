// An lnd's REST port, asked without waiting for the whole answer: some of its answers are streams that do not end.
import { request as plain } from "node:http";
import { request as secure } from "node:https";

/**
 * Asks. `lnd` is `{ url, macaroon, ca? }`, the macaroon in hex; `body` is a stream or text. Resolves with the answer,
 * to be read, once its head is there.
 *
 * @returns {Promise<import("node:http").IncomingMessage>}
 */
export function openLnd({ url, macaroon, ca }, path, { method = "GET", body } = {}) {
  const target = new URL(url.replace(/\/$/, "") + path);
  const send = target.protocol === "https:" ? secure : plain;
  return new Promise((done, fail) => {
    const request = send(target, { method, ca, headers: { "grpc-metadata-macaroon": macaroon } }, done).on(
      "error",
      fail,
    );
    if (body?.pipe) body.pipe(request);
    else request.end(body);
  });
}

/** The JSON lines of an answer, as they come. */
export async function* linesOf(answer) {
  let rest = "";
  for await (const text of answer.setEncoding("utf8")) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
  }
  if (rest.trim()) yield JSON.parse(rest);
}
