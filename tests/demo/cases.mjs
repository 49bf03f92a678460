// What the demo page promises. Each case gets `open`, which opens a page that is checked and closed for it, and `base`.
import assert from "node:assert/strict";
import { count, faint, names, step, wide } from "./page.mjs";

const BOUGHT = ["request", "challenge", "invoice", "macaroon", "limits", "payment", "repeat", "answer"];

/** A wallet extension whose payments count under the name "extension". */
function payingExtension(base) {
  globalThis.webln = {
    enabled: 0,
    async enable() {
      this.enabled += 1;
    },
    async sendPayment(invoice) {
      const response = await fetch(`${base}/wallet/extension/pay`, { method: "POST", body: invoice });
      return response.json();
    },
  };
}

function refusingExtension() {
  globalThis.webln = { enable: async () => {}, sendPayment: () => Promise.reject(new Error("User rejected")) };
}

function failingExtension() {
  globalThis.asked = 0;
  globalThis.webln = {
    enable: async () => {},
    sendPayment() {
      globalThis.asked += 1;
      return Promise.reject(new Error("invoice is for another network"));
    },
  };
}

export const cases = {
  async "a purchase is told step by step, and pays once"({ open }) {
    const demo = await open();
    assert.equal(
      (await demo.page.$$("#outline li")).length,
      BOUGHT.length,
      "the outline announces as many steps as there are",
    );
    const run = await demo.ask(1);
    assert.deepEqual(names(run), BOUGHT);
    assert.ok(
      run.steps.every((one) => one.state === "done" && one.say.length > 40),
      "every step is done and explained",
    );
    assert.equal(run.outcome, "paid 11 sat");
    const stats = await demo.stats();
    assert.deepEqual(
      [stats.requests, stats.challenges, stats.asked, stats.payments, stats.paidMsat, stats.feesMsat, stats.accepted],
      [2, 1, 1, 1, 10_000, 1000, 1],
    );
    const [hash] = Object.keys(stats.paid);
    assert.deepEqual(stats.paid, { [hash]: 1 });
    const [first, second] = stats.log;
    assert.equal(first.authorization, null);

    const { facts, full } = step(run, "request");
    assert.equal(facts.Sent, `GET ${first.path}Copy`);
    assert.ok(full.Sent.endsWith(`${first.path}?${first.query}`));
    const challenge = step(run, "challenge");
    assert.equal(challenge.facts.Answer, "402 Payment Required");
    assert.equal(challenge.facts.Scheme, "L402");
    assert.equal(challenge.full["The ticket"], second.credential.split(":")[0]);
    assert.match(challenge.full["The invoice"], /^lnbcrt100n1/);
    const invoice = step(run, "invoice");
    assert.match(invoice.title, /10 sat/);
    assert.equal(invoice.facts.Amount, "10 sat (10 000 msat)");
    assert.equal(invoice.facts.For, "A weather forecast");
    assert.equal(invoice.facts.Network, "regtest");
    assert.equal(invoice.facts.Protocol, "L402");
    assert.match(invoice.facts.Expires, /^\d\d:\d\d:\d\d, in 60 min$/);
    assert.equal(invoice.full["Payment hash"], hash);
    const macaroon = step(run, "macaroon");
    assert.equal(macaroon.full["Payment hash"], hash);
    assert.match(macaroon.facts["Payment hash"], /same as the invoice’s$/);
    assert.ok(macaroon.full.Identifier.startsWith(`0000${hash}`));
    assert.match(macaroon.facts.Conditions, /^services=paywall:0 ?paywall_valid_until=\d{10}$/);
    assert.match(macaroon.facts["Good until"], /in 60 min$/);
    const limits = step(run, "limits");
    assert.equal(limits.facts["One payment"], "10 now, of 100 sat");
    assert.equal(limits.facts["In an hour"], "0 spent before, 10 now, of 500 sat");
    const payment = step(run, "payment");
    assert.equal(payment.facts.Fee, "1 sat (at most 5 sat allowed)");
    assert.equal(payment.full.Preimage, second.credential.split(":")[1]);
    assert.equal(payment.full["Its SHA-256"], hash);
    assert.match(payment.facts["Its SHA-256"], /same as the payment hash$/);
    assert.equal(step(run, "repeat").facts.Authorization, "L402 ‹ticket›:‹preimage›");
    const answer = step(run, "answer");
    assert.equal(answer.facts.Answer, "200 OK");
    assert.equal(answer.facts.Receipt, "paidNow: true, 10 sat and 1 sat fee");
    assert.equal(answer.facts["Spent this hour"], "0 sat before, 11 sat now");
    assert.match(answer.text, /Longyearbyen.*Monday ?snow ?−14 ?−9/);
    assert.deepEqual(await demo.standing(), { ticket: "held", payments: "1", spent: "11 sat" });
    assert.match(await demo.status(), /snow, −14 to −9 °C\. Paid 11 sat\.$/);
  },

  async "a second request uses the ticket and pays nothing"({ open }) {
    const demo = await open();
    await demo.ask(1);
    assert.equal(await demo.text("#ask"), "Ask again");
    const run = await demo.ask(2);
    assert.deepEqual(names(run), ["request", "answer"]);
    assert.equal(run.outcome, "paid nothing");
    assert.match(step(run, "request").facts.Authorization, /^L402 /);
    assert.match(step(run, "answer").facts.Receipt, /^paidNow: false, bought at \d\d:\d\d:\d\d$/);
    assert.equal(step(run, "answer").facts["Spent this hour"], "11 sat before, 11 sat now");
    const stats = await demo.stats();
    assert.deepEqual([stats.requests, stats.challenges, stats.asked, stats.payments, stats.accepted], [3, 1, 1, 1, 2]);
    assert.deepEqual(
      await demo.page.$$eval(".run", (runs) => runs.map((one) => one.open)),
      [false, true],
      "the earlier run folds up",
    );
  },

  async "a limit below the price refuses before the wallet is asked"({ open }) {
    const demo = await open();
    await demo.page.click("#below");
    assert.equal(await demo.page.$eval("#per-payment", (field) => field.value), "5");
    const run = await demo.ask(1);
    assert.deepEqual(names(run), ["request", "challenge", "invoice", "macaroon", "limits"]);
    assert.equal(run.outcome, "over_limit");
    const limits = step(run, "limits");
    assert.equal(limits.state, "refused");
    assert.equal(limits.title, "Your limits refuse it");
    assert.equal(limits.facts["One payment"], "10 now, of 5 sat: too much");
    assert.match(limits.error, /^over_limit .*limits\.perPayment of 5 sat.*nothing was paid/);
    assert.match(await demo.status(), /^over_limit: /);
    const stats = await demo.stats();
    assert.deepEqual([stats.requests, stats.asked, stats.payments], [1, 0, 0]);
    assert.deepEqual(await demo.standing(), { ticket: "none", payments: "0", spent: "0 sat" });
    await demo.set("#per-payment", "10");
    assert.equal((await demo.ask(2)).outcome, "paid 10 sat", "the wallet is held to what the limit leaves for the fee");
    assert.equal((await demo.stats()).payments, 1);
  },

  async "forgetting the ticket clears the page, and what was spent still counts"({ open }) {
    const demo = await open();
    assert.equal(await demo.page.$eval("#forget", (button) => button.disabled), true);
    await demo.set("#per-hour", "25");
    await demo.ask(1);
    await demo.page.click("#forget");
    await demo.page.waitForFunction("document.querySelector('#ticket').textContent === 'none'");
    assert.equal((await demo.page.$$(".run")).length, 0);
    assert.match(await demo.status(), /forgotten.*still counts/);
    assert.equal(await demo.page.evaluate("document.activeElement.id"), "ask");
    assert.equal((await demo.stats()).requests, 2, "forgetting asks nobody");

    const again = await demo.ask(1);
    assert.deepEqual(names(again), BOUGHT);
    assert.equal(step(again, "limits").facts["In an hour"], "11 spent before, 10 now, of 25 sat");
    assert.deepEqual(await demo.standing(), { ticket: "held", payments: "2", spent: "22 sat" });

    await demo.page.click("#below");
    assert.match(await demo.status(), /You hold a ticket/);
    await demo.set("#per-payment", "100");
    await demo.page.click("#forget");
    await demo.page.waitForFunction("document.querySelector('#ticket').textContent === 'none'");
    const refused = await demo.ask(1);
    assert.equal(step(refused, "limits").facts["In an hour"], "22 spent before, 10 now, of 25 sat: too much");
    assert.match(step(refused, "limits").error, /^over_limit .*limits\.perHour of 25 sat: 22 are spent or reserved /);
    assert.equal((await demo.stats()).payments, 2);
  },

  async "options that createFetch refuses are shown with its words"({ open }) {
    const demo = await open();
    await demo.set("#per-payment", "1.5");
    const fraction = await demo.ask(1);
    assert.deepEqual(names(fraction), ["error"]);
    assert.match(step(fraction, "error").error, /^invalid_options .*limits\.perPayment must be a whole number/);
    await demo.set("#per-payment", "");
    assert.match(step(await demo.ask(2), "error").error, /^invalid_options .*limits\.perPayment is missing/);
    assert.equal((await demo.stats()).requests, 0);
    await demo.set("#per-payment", "20");
    await demo.set("#per-hour", "");
    const run = await demo.ask(3);
    assert.deepEqual(names(run), BOUGHT, "an empty hour's limit does not limit");
    assert.deepEqual(Object.keys(step(run, "limits").facts), ["One payment"]);
  },

  async "webln pays where the browser has it"({ open, base }) {
    const demo = await open({ webln: payingExtension });
    assert.equal(await demo.page.$eval("input[value=webln]", (radio) => radio.checked), true);
    assert.match(await demo.text("#wallet-note"), /regtest.*no real money can move/);
    assert.match(await demo.text("#code"), /wallet: webln\(\)/);
    const run = await demo.ask(1);
    assert.deepEqual(names(run), BOUGHT);
    const payment = step(run, "payment");
    assert.equal(payment.facts.Wallet, "WebLN");
    assert.match(payment.facts.Fee, /^none reported/);
    assert.equal(await demo.page.evaluate("webln.enabled"), 1);
    const [shop, extension] = [await demo.stats(), await count(base, "extension")];
    assert.deepEqual([shop.asked, shop.payments, shop.accepted, extension.payments], [0, 0, 1, 1]);
    const preimage = shop.log[1].credential.split(":")[1];
    assert.ok(!(await demo.page.content()).includes(preimage), "a real wallet's preimage is not shown");

    await demo.page.click("#forget");
    await demo.page.click("input[value=test]");
    await demo.page.waitForFunction("document.querySelector('#ticket').textContent === 'none'");
    assert.equal(step(await demo.ask(1), "payment").facts.Wallet, "test wallet");
    assert.deepEqual([(await demo.stats()).payments, (await count(base, "extension")).payments], [1, 1]);
  },

  async "a wallet that comes late is offered, and does not undo a choice"({ open }) {
    const demo = await open();
    assert.equal(await demo.page.$eval("#webln-choice", (choice) => choice.hidden), true);
    assert.match(await demo.text("#wallet-note"), /no WebLN wallet.*moves no money/);
    await demo.page.evaluate(() => {
      globalThis.webln = { enable: async () => {}, sendPayment: async () => ({}) };
      dispatchEvent(new Event("webln:ready"));
    });
    assert.equal(await demo.page.$eval("input[value=webln]", (radio) => radio.checked), true);
    await demo.page.click("input[value=test]");
    await demo.page.evaluate(() => dispatchEvent(new Event("focus")));
    assert.equal(await demo.page.$eval("input[value=test]", (radio) => radio.checked), true);
  },

  async "a person who refuses in the wallet is told that nothing was paid"({ open }) {
    const demo = await open({ webln: refusingExtension });
    const run = await demo.ask(1);
    assert.deepEqual(names(run), BOUGHT.slice(0, 6));
    const payment = step(run, "payment");
    assert.equal(payment.state, "refused");
    assert.match(
      payment.error,
      /^payment_failed .*the user refused.*The test wallet can\.\s*The wallet said: User rejected$/,
    );
    assert.deepEqual(await demo.standing(), { ticket: "none", payments: "0", spent: "0 sat" });
  },

  async "a payment of unknown outcome blocks the next one until the person releases it"({ open }) {
    const demo = await open({ webln: failingExtension });
    const lost = step(await demo.ask(1), "payment");
    assert.match(lost.error, /^payment_unknown .*another network/);
    assert.equal((await demo.standing()).spent, "10 sat");
    await demo.page.click("input[value=test]");
    const blocked = await demo.ask(2);
    assert.match(step(blocked, "error").error, /^payment_unknown .*an earlier payment is open/);
    assert.deepEqual([await demo.page.evaluate("asked"), (await demo.stats()).asked], [1, 0]);
    await demo.page.click(".run:last-of-type .error button");
    await demo.page.waitForFunction("document.querySelector('#spent').textContent === '0 sat'");
    assert.equal((await demo.ask(3)).outcome, "paid 11 sat");
    assert.deepEqual([await demo.page.evaluate("asked"), (await demo.stats()).payments], [1, 1]);
  },

  async "a purchase needs no mouse"({ open }) {
    const demo = await open();
    const stops = [];
    const press = async (key) => {
      await demo.page.keyboard.press(key);
      return demo.page.evaluate(() => {
        const { id, tagName, className } = document.activeElement;
        const style = getComputedStyle(document.activeElement);
        return {
          at: id || className || tagName.toLowerCase(),
          outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        };
      });
    };
    for (let i = 0; i < 20 && stops.at(-1)?.at !== "ask"; i++) stops.push(await press("Tab"));
    assert.deepEqual(
      stops.map((stop) => stop.at),
      ["skip", "summary", "per-payment", "per-hour", "below", "ask"],
    );
    assert.ok(
      stops.every((stop) => stop.outline >= 2),
      "the focus is seen at every stop",
    );
    await demo.page.keyboard.press("Enter");
    assert.equal((await demo.ended(1)).outcome, "paid 11 sat");
    assert.equal(await demo.page.evaluate("document.activeElement.id"), "ask", "the focus stays");
    await demo.page.keyboard.press("Space");
    assert.equal((await demo.ended(2)).outcome, "paid nothing");
    assert.equal((await press("Tab")).at, "forget");
    await demo.page.keyboard.press("Enter");
    await demo.page.waitForFunction("document.querySelector('#ticket').textContent === 'none'");
    assert.equal((await demo.stats()).payments, 1);
  },

  async "two presses at once are one purchase"({ open }) {
    const demo = await open();
    await demo.page.evaluate(() => {
      document.querySelector("#ask").click();
      document.querySelector("#ask").click();
    });
    await demo.ended(1);
    assert.deepEqual([(await demo.stats()).requests, (await demo.stats()).payments], [2, 1]);
  },

  async "copy puts the whole value on the clipboard, or shows it where there is none"({ open, base }) {
    const demo = await open();
    await demo.context.overridePermissions(base, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
    const { "Payment hash": hash } = step(await demo.ask(1), "invoice").full;
    await demo.page.bringToFront();
    const button = '[data-step="invoice"] [aria-label="Copy the payment hash"]';
    await demo.page.click(button);
    await demo.page.waitForFunction((button) => document.querySelector(button).textContent === "Copied", {}, button);
    assert.equal(await demo.page.evaluate("navigator.clipboard.readText()"), hash);
    await demo.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await demo.page.click('[data-step="macaroon"] [aria-label="Copy the macaroon’s payment hash"]');
    await demo.page.waitForFunction("String(getSelection()) !== ''");
    assert.equal(await demo.page.evaluate("String(getSelection())"), hash);
    assert.deepEqual(await demo.page.evaluate(wide), []);
  },

  async "a core that can't be loaded is named, and can be tried again"({ open }) {
    // the file, and the module that has its bytes
    const demo = await open({ blocked: /\.wasm(\.js)?$/ });
    const run = await demo.ask(1);
    assert.match(run.outcome, /load_failed/);
    assert.match(run.steps.at(-1).error, /^load_failed /);
    assert.equal((await demo.stats()).payments, 0);
    demo.blocked = /^$/;
    assert.equal((await demo.ask(2)).outcome, "paid 11 sat");
  },

  async "a shop that does not answer is no riddle"({ open }) {
    const demo = await open({ blocked: /\/shop\// });
    const run = await demo.ask(1);
    assert.deepEqual(names(run), ["request", "error"]);
    assert.match(step(run, "error").error, /^TypeError .*Is its server still running\?$/);
  },

  async "everything pressed has a name, and progress is announced"({ open }) {
    const demo = await open({ webln: payingExtension });
    await demo.ask(1);
    const found = [];
    const walk = (node) => {
      if (["button", "radio", "spinbutton", "link", "DisclosureTriangle"].includes(node.role)) found.push(node);
      for (const child of node.children ?? []) walk(child);
    };
    walk(await demo.page.accessibility.snapshot({ interestingOnly: false }));
    assert.ok(found.length > 10);
    assert.deepEqual(
      found.filter((node) => !node.name).map((node) => node.role),
      [],
    );
    assert.deepEqual(
      found.filter((node) => node.role === "spinbutton").map((node) => node.name),
      ["One payment", "In an hour"],
    );
    assert.equal(await demo.page.$eval("#status", (status) => status.getAttribute("role")), "status");
    const order = await demo.page.$$eval("h1, h2, h3", (headings) =>
      headings.map((heading) => Number(heading.tagName[1])),
    );
    assert.ok(
      order.every((level, i) => i === 0 || level <= order[i - 1] + 1),
      "no level of heading is left out",
    );
  },

  async "nothing moves where less motion is asked for"({ open }) {
    const animations = async (motion) => {
      const demo = await open({ motion });
      await demo.page.evaluate(() => {
        globalThis.seen = 0;
        addEventListener("animationstart", () => (globalThis.seen += 1));
      });
      await demo.ask(1);
      return demo.page.evaluate("seen");
    };
    assert.equal(await animations("reduce"), 0);
    assert.ok((await animations("no-preference")) > 0);
  },
};

for (const width of [360, 768, 1440]) {
  for (const scheme of ["light", "dark"]) {
    cases[`nothing sticks out or fades at ${width} px, ${scheme}`] = async ({ open, keep }) => {
      const demo = await open({ width, scheme, webln: refusingExtension });
      const check = async (state) => {
        assert.deepEqual(await demo.page.evaluate(wide), [], state);
        assert.deepEqual(await demo.page.evaluate(faint), [], state);
        await keep(demo.page, `${width}-${scheme}-${state}`);
      };
      assert.equal(await demo.page.$eval(".code", (code) => code.open), width >= 960, "there is room for the code");
      await demo.page.$eval(".code", (code) => (code.open = true));
      await check("start");
      await demo.ask(1);
      await check("refused");
      await demo.page.click("input[value=test]");
      await demo.ask(2);
      await check("bought");
      await demo.ask(3);
      await check("again");
      await demo.page.click("#forget");
      await demo.page.click("#below");
      await demo.page.waitForFunction("document.querySelector('#ticket').textContent === 'none'");
      await demo.ask(1);
      await check("limit");
    };
  }
}
