// The page: its controls, one paid fetch per press of the button, and the state that outlives it.
import { createFetch } from "l402-fetch";
import { readSetting } from "./setting.js";
import { tell } from "./story.js";
import { Run } from "./view.js";
import { weblnWallet } from "./wallets.js";
import { sat } from "./words.js";

const $ = (id) => document.getElementById(id);

const { address, price, thing, networks, store, keptAs, isReal, builtIn, lede, weblnNote } = await readSetting();

let runs = 0;
let busy = false;
let holdsTicket = keptAs !== undefined && localStorage.getItem(keptAs) === "ticket";
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
  const wallet = walletName() === "webln" ? weblnWallet() : builtIn.wallet();
  const story = tell(run, { wallet, limits, thing, say, release });
  try {
    const pay = createFetch({
      wallet,
      limits,
      networks,
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
    holds(response.ok);
    story.answered(response, text, await pay.spent());
  } catch (error) {
    story.failed(error);
  }
  // where even the books can't be read, the run has said why
  await showStanding().catch(() => {});
  $("ask").removeAttribute("aria-disabled");
  busy = false;
}

/** Says whether there is a ticket, which the store itself tells nobody. */
function holds(ticket) {
  holdsTicket = ticket;
  if (keptAs) localStorage.setItem(keptAs, ticket ? "ticket" : "");
}

/** An instance that only looks after the books. */
const books = () => createFetch({ wallet: builtIn.wallet(), limits: { perPayment: 0 }, store });

async function release(paymentHash) {
  await books().resolve(paymentHash, "failed");
  await showStanding();
  $("ask").focus();
}

async function forget() {
  if (busy) return;
  await books().forget();
  holds(false);
  for (const run of $("log").querySelectorAll(".run")) run.remove();
  runs = 0;
  await showStanding();
  $("ask").focus();
  say("The ticket is forgotten: the next request pays again. What was spent still counts.");
}

async function showStanding() {
  const [payments, spent, balance] = await Promise.all([
    books().payments(),
    books().spent(),
    books()
      .balanceMsat()
      .catch(() => null),
  ]);
  $("ticket").textContent = holdsTicket ? "held" : "none";
  $("payments").textContent = payments.filter((payment) => payment.state === "paid").length;
  $("spent").textContent = `${spent.hour} sat`;
  $("holds").hidden = balance === null;
  $("holds").lastChild.textContent = balance === null ? "" : sat(balance);
  $("ask").textContent = holdsTicket ? "Ask again" : `Get the ${thing}`;
  $("forget").disabled = !holdsTicket;
}

/** The code box shows the call that the form stands for. */
function showCode() {
  const limits = Object.entries(readLimits())
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  const webln = walletName() === "webln";
  $("code").textContent = [
    'import { createFetch } from "l402-fetch";',
    ...(webln ? ['import { webln } from "l402-fetch/wallets/webln";'] : builtIn.imports),
    "",
    "const pay = createFetch({",
    `  wallet: ${webln ? "webln()" : builtIn.code},`,
    `  limits: { ${limits.join(", ")} },`,
    ...(networks[0] === "bitcoin" ? [] : [`  networks: ["${networks[0]}"],`]),
    "});",
    `const response = await pay(${thing}Url);`,
    `const ${thing} = await response.${thing === "forecast" ? "json" : "text"}();`,
  ].join("\n");
  $("wallet-note").textContent = webln ? weblnNote : builtIn.note();
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
  $("per-payment").value = Math.floor(price / 2);
  $("per-payment").focus();
  showCode();
  say(
    holdsTicket
      ? "The limit is below the price. You hold a ticket, though, and it costs nothing to use: forget it to see the refusal."
      : "The limit is below the price: the next request will be refused.",
  );
});
$("wallets").addEventListener("change", () => (choseWallet = true));
$("controls").addEventListener("input", showCode);
for (const event of ["load", "focus", "webln:ready"]) addEventListener(event, offerWebln);
$("built-in").textContent = builtIn.label;
if (lede) $("lede").textContent = lede;
$("price").textContent = price ? `The ${thing} costs ${price}\u00a0sat.` : "";
$("below").hidden = !price;
$("ask").textContent = `Get the ${thing}`;
// a node has a balance to show, and a store that outlives the page has payments
if (isReal) await showStanding().catch(() => {});
offerWebln();
showCode();
document.querySelector(".code").open = matchMedia("(min-width: 60rem)").matches;
document.documentElement.dataset.ready = "";
