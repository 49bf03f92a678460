#!/bin/sh
# Firefox shows a page no WWW-Authenticate at all where a 402 sends it in two lines; Chromium joins them by ", ".
#
# Seen with Firefox ESR 153.8 and Chromium 156 (Debian 12), driven by puppeteer-core 24.43.1 on Node 20:
#
#   chromium  one line: LSAT a="1"     two lines: LSAT a="1", L402 a="1"
#   firefox   one line: LSAT a="1"     two lines: null
#
# aperture sends its challenges in two lines (LSAT, then L402), so no page in Firefox can see what it asks for, though the
# server exposes the header. Fetch's own text joins the lines.
#
# Needs chromium and firefox-esr on the PATH (Debian: apt-get install chromium firefox-esr).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm i --no-audit --no-fund --loglevel=error puppeteer-core@24.43.1
cat > try.mjs <<'END'
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import puppeteer from "puppeteer-core";

const server = createServer((request, response) => {
  if (request.url === "/") return response.setHeader("content-type", "text/html").end("<!doctype html>");
  const lines = request.url === "/two" ? ['LSAT a="1"', 'L402 a="1"'] : ['LSAT a="1"'];
  response.writeHead(402, { "www-authenticate": lines, "access-control-expose-headers": "WWW-Authenticate" }).end();
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const base = `http://127.0.0.1:${server.address().port}`;
const which = (name) => execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();

const seen = {};
for (const [browser, executablePath, args] of [
  ["chrome", which("chromium"), ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]],
  ["firefox", which("firefox-esr"), []],
]) {
  const opened = await puppeteer.launch({ browser, executablePath, headless: true, args });
  const page = await opened.newPage();
  await page.goto(base);
  const read = (path) => page.evaluate(async (url) => (await fetch(url)).headers.get("www-authenticate"), `${base}${path}`);
  seen[browser] = [await read("/one"), await read("/two")];
  console.log(await opened.version(), "one line:", seen[browser][0], "two lines:", seen[browser][1]);
  await opened.close();
}
server.close();
const expected = { chrome: ['LSAT a="1"', 'LSAT a="1", L402 a="1"'], firefox: ['LSAT a="1"', null] };
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.error("this has changed: expected", JSON.stringify(expected));
  process.exitCode = 1;
}
END
node try.mjs
