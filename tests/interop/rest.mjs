// What btcd and lnd are asked, over TLS with the certificates that they made themselves.
import { readFile } from "node:fs/promises";
import { request as plain } from "node:http";
import { request as secure } from "node:https";

/** How long an answer may take; a frozen server gives none. */
const TIMEOUT = 30_000;

/**
 * Sends `body` as JSON and resolves with the answer's JSON; rejects with what the server said where the status is not
 * 200. `cert` is the path of the server's own certificate.
 */
export async function ask(url, { method = "GET", headers = {}, body, cert } = {}) {
  const ca = url.startsWith("https:") ? await readFile(cert) : undefined;
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((done, fail) => {
    const send = ca ? secure : plain;
    const request = send(url, { method, headers, ca, timeout: TIMEOUT }, (response) => {
      let answer = "";
      response
        .setEncoding("utf8")
        .on("data", (more) => (answer += more))
        .on("error", fail)
        .on("end", () => {
          if (response.statusCode !== 200)
            return fail(new Error(`${method} ${url} answered ${response.statusCode}: ${answer}`));
          try {
            done(JSON.parse(answer));
          } catch (cause) {
            fail(new Error(`${method} ${url} answered no JSON: ${answer}`, { cause }));
          }
        });
    });
    request.on("timeout", () => request.destroy(new Error(`${method} ${url}: no answer in ${TIMEOUT} ms`)));
    request.on("error", fail);
    request.end(text);
  });
}
