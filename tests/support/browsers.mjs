// Three engines, each as Debian ships it.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { CHROMIUM, find, FIREFOX } from "../../scripts/lib.mjs";
import { freePorts } from "./listen.mjs";

/**
 * A host that leads to this machine and is not taken for it, so that pages of it have no secure context. Not in
 * WebKit.
 */
export const PLAIN_HOST = "plain.test";

const SWITCHES = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
];

/**
 * Starts "chromium", "firefox" or "webkit". `visit(url)` opens a page in it and resolves with what the page puts into
 * `globalThis.results`, or rejects after `timeout` ms with what the page wrote to its console. `drive(url)` opens a
 * page that stays, and resolves with a function that runs a script in it, the body of a function.
 * `acceptInsecureCerts` (not in WebKit) lets pages talk to servers whose certificates they made themselves.
 */
export function openBrowser(engine, { acceptInsecureCerts = false } = {}) {
  return engine === "webkit" ? webkit() : puppeteer(engine, acceptInsecureCerts);
}

async function puppeteer(engine, acceptInsecureCerts) {
  const { default: driver } = await import("puppeteer-core");
  const names = engine === "firefox" ? FIREFOX : CHROMIUM;
  const browser = await driver.launch({
    browser: engine === "firefox" ? "firefox" : "chrome",
    executablePath: names.map(find).find(Boolean),
    headless: true,
    acceptInsecureCerts,
    extraPrefsFirefox: { "network.dns.localDomains": PLAIN_HOST },
    args: engine === "firefox" ? [] : SWITCHES,
  });
  return {
    browser,
    close: () => browser.close(),
    async drive(url) {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForFunction("globalThis.results");
      return (script) => page.evaluate(`(() => { ${script} })()`);
    },
    async visit(url, timeout = 60_000) {
      const page = await browser.newPage();
      const said = [];
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(String(error?.message ?? error)));
      try {
        await page.goto(url, { timeout });
        await page.waitForFunction("globalThis.results", { timeout });
        return await page.evaluate("globalThis.results");
      } catch (cause) {
        throw new Error(`${url} in ${engine}: ${cause.message}\n${said.join("\n")}`, { cause });
      } finally {
        await page.close();
      }
    },
  };
}

/** Safari's engine speaks WebDriver only, and wants a display. */
async function webkit() {
  const display = await new Promise((done, fail) => {
    const child = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.stdout.on("data", (text) => done({ child, name: `:${String(text).trim()}` }));
    child.on("error", fail);
    child.on("exit", (code) => fail(new Error(`Xvfb ended with ${code}`)));
  });
  const [port] = await freePorts(1);
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], {
    stdio: "ignore",
    // WebKit's sandbox does not start as root
    env: {
      ...process.env,
      DISPLAY: display.name,
      ...(process.getuid?.() === 0 && { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" }),
    },
  });
  const call = async (path, body, method = "POST") => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  };
  await until(
    () =>
      call("/status", undefined, "GET").then(
        () => true,
        () => false,
      ),
    10_000,
    "WebKitWebDriver",
  );
  const binary = ["/usr/libexec", "/usr/lib64", ...readdirSync("/usr/lib").map((name) => `/usr/lib/${name}`)]
    .map((dir) => `${dir}/webkit2gtk-4.1/MiniBrowser`)
    .find(existsSync);
  const { sessionId } = await call("/session", {
    capabilities: {
      alwaysMatch: { browserName: "MiniBrowser", "webkitgtk:browserOptions": { binary, args: ["--automation"] } },
    },
  });
  const session = `/session/${sessionId}`;
  const run = (script) => call(`${session}/execute/sync`, { script, args: [] });
  return {
    async drive(url) {
      await this.visit(url);
      return run;
    },
    async close() {
      await call(session, undefined, "DELETE").catch(() => {});
      driver.kill();
      display.child.kill();
    },
    async visit(url, timeout = 60_000) {
      await call(`${session}/url`, { url });
      await until(() => run("return !!globalThis.results"), timeout, url);
      return run("return globalThis.results");
    },
  };
}

async function until(task, timeout, what) {
  const end = Date.now() + timeout;
  while (!(await task())) {
    if (Date.now() > end) throw new Error(`${what} in webkit: no answer in ${timeout} ms`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
