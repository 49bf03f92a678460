// The page: its controls, one paid fetch per press of the button, and the state that outlives it.
import { createFetch } from "l402-fetch";
import { tell } from "./story.js";
import { Run } from "./view.js";
import { testWallet, weblnWallet } from "./wallets.js";

const $ = (id) => document.getElementById(id);

// A shop of this page's own: two windows do not share tickets or counts.
const id = `demo-${Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
const PRICE = 10;
const address = `/shop/${id}/weather?${new URLSearchParams({ price: PRICE, description: "A weather forecast", valid_until: 3600 })}`;

// Tickets and journal, for as long as the page is open. A real page would use IndexedDB.
const memory = new Map();
const store = { get: (key) => memory.get(key), set: (key, value) => void memory.set(key, value), delete: (key) => void memory.delete(key) };

let runs = 0;
let busy = false;
let holdsTicket = false;
let choseWallet = false;

const say = (text) => ($("status").textContent = text);
const walletName = () => document.querySelector("input[name=wallet]:checked").value;

/** An empty field is a limit that is absent; the package itself says what it thinks of any other. */
const readLimit = (field) => (field.value === "" ? undefined : Number(field.value));
const readLimits = () => ({ perPayment: readLimit($("per-payment")), perHour: readLimit($("per-hour")) });

async function ask() {
  if (busy) return;
  busy = true;
  $("ask").setAttribute("aria-disabled", "true");
  const run = new Run($("log"), `Request ${++runs}`);
  const limits = readLimits();
  const wallet = walletName() === "webln" ? weblnWallet() : testWallet(`/wallet/${id}`);
  const story = tell(run, { wallet, limits, say, release });
  try {
    const pay = createFetch({
      wallet,
      limits,
      networks: ["regtest"],
      store,
      onEvent: (event) => story.onEvent(event),
      async fetch(input, init) {
        story.sent(input, init);
        const response = await fetch(input, init);
        story.received(response);
        return response;
      },
    });
    story.begin(await pay.spent());
    const response = await pay(address);
    const text = await response.text();
    holdsTicket = response.ok;
    story.answered(response, text, await pay.spent());
  } catch (error) {
    story.failed(error);
  }
  // where even the books can't be read, the run has said why
  await showStanding().catch(() => {});
  $("ask").removeAttribute("aria-disabled");
  busy = false;
}

/** An instance that only looks after the books. */
const books = () => createFetch({ wallet: testWallet(`/wallet/${id}`), limits: { perPayment: 0 }, store });

async function release(paymentHash) {
  await books().resolve(paymentHash, "failed");
  await showStanding();
  $("ask").focus();
}

async function forget() {
  if (busy) return;
  await books().forget();
  holdsTicket = false;
  for (const run of $("log").querySelectorAll(".run")) run.remove();
  runs = 0;
  await showStanding();
  $("ask").focus();
  say("The ticket is forgotten: the next request pays again. What was spent still counts.");
}

async function showStanding() {
  const [payments, spent] = await Promise.all([books().payments(), books().spent()]);
  $("ticket").textContent = holdsTicket ? "held" : "none";
  $("payments").textContent = payments.filter((payment) => payment.state === "paid").length;
  $("spent").textContent = `${spent.hour} sat`;
  $("ask").textContent = holdsTicket ? "Ask again" : "Get the forecast";
  $("forget").disabled = !holdsTicket;
}

/** The code box shows the call that the form stands for. */
function showCode() {
  const limits = Object.entries(readLimits()).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`);
  const webln = walletName() === "webln";
  $("code").textContent = [
    'import { createFetch } from "l402-fetch";',
    ...(webln ? ['import { webln } from "l402-fetch/wallets/webln";'] : []),
    "",
    "const pay = createFetch({",
    `  wallet: ${webln ? "webln()" : "testWallet"},`,
    `  limits: { ${limits.join(", ")} },`,
    '  networks: ["regtest"],',
    "});",
    "const response = await pay(forecastUrl);",
    "const forecast = await response.json();",
  ].join("\n");
  $("wallet-note").textContent = webln
    ? "The shop’s invoices are of regtest, a network for tests. Your wallet will be asked to pay one, and will refuse unless it is on regtest too. This page accepts no other network, so no real money can move."
    : `${globalThis.webln ? "The test wallet" : "This browser has no WebLN wallet, so a built-in one pays. It"} lives on the shop’s own server and moves no money: it answers as a wallet that has paid would.`;
}

/** Extensions set `window.webln` when they please. It is preferred as soon as it is there, unless the person chose. */
function offerWebln() {
  if (!globalThis.webln || !$("webln-choice").hidden) return;
  $("webln-choice").hidden = false;
  $("wallets").classList.remove("single");
  if (!choseWallet) document.querySelector("input[value=webln]").checked = true;
  showCode();
}

$("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
$("forget").addEventListener("click", forget);
$("below").addEventListener("click", () => {
  $("per-payment").value = PRICE / 2;
  $("per-payment").focus();
  showCode();
  say(holdsTicket ? "The limit is below the price. You hold a ticket, though, and it costs nothing to use: forget it to see the refusal." : "The limit is below the price: the next request will be refused.");
});
$("wallets").addEventListener("change", () => (choseWallet = true));
$("controls").addEventListener("input", showCode);
for (const event of ["load", "focus", "webln:ready"]) addEventListener(event, offerWebln);
offerWebln();
showCode();
document.querySelector(".code").open = matchMedia("(min-width: 60rem)").matches;
document.documentElement.dataset.ready = "";
