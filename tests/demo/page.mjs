// The demo page in a real browser, and what a person would do with it.
import assert from "node:assert/strict";

// Chromium's own remark on every 402; it is the page's business to get one.
const EXPECTED = /^Failed to load resource: the server responded with a status of 402/;

/**
 * Opens the page. `webln` is a function that runs in it first, with the paywall's URL; `blocked` matches requests that
 * fail. Whatever goes to another origin, or is written to the console, ends up in `offences`.
 */
export async function openPage(
  browser,
  base,
  { width = 1024, height = 800, scheme = "light", motion = "reduce", webln, blocked } = {},
) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const offences = [];
  // the page's own, once it has asked there
  let shop;
  page.on("console", (message) => {
    if (
      ["error", "warn"].includes(message.type()) &&
      !EXPECTED.test(message.text()) &&
      !(blocked && /ERR_FAILED/.test(message.text()))
    )
      offences.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => offences.push(`uncaught: ${error?.message ?? error}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== base) offences.push(`request to ${url.origin}`);
    if (url.pathname.startsWith("/shop/")) shop = url.pathname.split("/")[2];
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: scheme },
    { name: "prefers-reduced-motion", value: motion },
  ]);
  if (webln) await page.evaluateOnNewDocument(webln, base);
  if (blocked) {
    await page.setRequestInterception(true);
    page.on("request", (request) => (self.blocked.test(request.url()) ? request.abort() : request.continue()));
  }
  const text = (selector) => page.$eval(selector, (element) => element.textContent.replace(/\s+/g, " ").trim());

  const self = {
    page,
    context,
    offences,
    blocked,
    text,
    close: () => context.close(),
    /** Waits until the `n`th request since the last reset has come to its end. */
    async ended(n) {
      await page.waitForFunction(
        (n) => {
          const outcomes = document.querySelectorAll(".outcome");
          return outcomes.length === n && outcomes[n - 1].textContent && !document.querySelector("#ask[aria-disabled]");
        },
        { timeout: 15_000 },
        n,
      );
      return self.run();
    },
    async ask(n) {
      await page.click("#ask");
      return self.ended(n);
    },
    /**
     * The last run: its heading, outcome, and steps `{ name, state, who, title, say, facts, text }`, spaces collapsed.
     */
    run: () =>
      page.$eval(".run:last-of-type", (run) => {
        const read = (element) => element?.textContent.replace(/\s+/g, " ").trim() ?? null;
        return {
          title: read(run.querySelector("h2")),
          outcome: read(run.querySelector(".outcome")),
          steps: [...run.querySelectorAll(".step")].map((step) => ({
            name: step.dataset.step,
            state: step.dataset.state,
            who: read(step.querySelector(".who")),
            title: read(step.querySelector("h3")),
            say: read(step.querySelector(".say")),
            error: read(step.querySelector(".error")),
            facts: Object.fromEntries(
              [...step.querySelectorAll(".facts > div")].map((fact) => [
                read(fact.querySelector("dt")),
                read(fact.querySelector("dd")),
              ]),
            ),
            full: Object.fromEntries(
              [...step.querySelectorAll(".facts > div")].map((fact) => [
                read(fact.querySelector("dt")),
                fact.querySelector("[title]")?.title,
              ]),
            ),
            text: read(step),
          })),
        };
      }),
    /** What the page's own shop and wallet counted. */
    stats: async () => (shop ? count(base, shop) : { requests: 0, asked: 0, payments: 0 }),
    async set(selector, value) {
      await page.click(selector, { count: 3 });
      await page.keyboard.press("Backspace");
      if (value !== "") await page.keyboard.type(value);
    },
    standing: async () => ({
      ticket: await text("#ticket"),
      payments: await text("#payments"),
      spent: await text("#spent"),
    }),
    status: () => text("#status"),
  };
  await page.goto(base);
  await page.waitForSelector("[data-ready]");
  return self;
}

export async function count(base, id) {
  const response = await fetch(`${base}/stats/${id}`);
  assert.equal(response.status, 200);
  return response.json();
}

export const names = (run) => run.steps.map((step) => step.name);
export const step = (run, name) =>
  run.steps.find((one) => one.name === name) ?? assert.fail(`no step ${name} among ${names(run)}`);

/** Runs in the page: elements that stick out to the right of it. */
export function wide() {
  const limit = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= limit) return [];
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > limit + 0.5)
    .map((element) => `${element.tagName}.${element.className}`)
    .concat("the page");
}

/** Runs in the page: texts whose contrast with what is behind them is below 4.5 to 1, as WCAG computes it. */
export function faint() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r, g, b] = rgba(color).map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgba(color)[3] > 0) return color;
    }
    return "white";
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.data.trim())
      .join("");
    if (!own || !element.checkVisibility() || element.disabled) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)}: ${own.slice(0, 40)}`);
  }
  return found;
}
