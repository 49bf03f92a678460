// One request, told in steps: from what goes over the wire, the package's events, and the receipt.
import { receiptOf } from "l402-fetch";
import { bar, error, facts, h, long } from "./view.js";
import { clock, MEANING, minus, msat, sat, when } from "./words.js";

const ASKS = "Page to shop";
const TELLS = "Shop to page";
const HERE = "In this page";
const PAYS = "Page to wallet";
const PROTOCOLS = { l402: "L402", lsat: "LSAT, the older L402", mpp: "MPP, one charge", x402: "x402" };

/** How much is shown of an answer that is no forecast, in characters. */
const EXCERPT = 2000;

/**
 * Tells one run. `wallet` is the one that pays, `limits` are in satoshis, `say` announces what goes
 * on, `thing` is what is bought, and `release` takes the person's word that a payment of unknown outcome did not
 * happen.
 */
export function tell(run, { wallet, limits, thing, say, release }) {
  let before;
  let status;
  let request;
  let quote;
  let payment;
  let asked;

  /** What a fetch was called with: the package calls the page's own fetch, so this is what really goes out. */
  function sent(input, init) {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    const line = ["Sent", ["GET ", long(url.href, "address", url.pathname)]];
    const credential = new Headers(init?.headers ?? input.headers).get("authorization");
    if (!credential) {
      request = run.step(
        "request",
        ASKS,
        `The page asks for the ${thing}`,
        "An ordinary request, as any fetch would send it. It says nothing about money.",
        facts([line]),
      );
      say("Asking the shop.");
      return;
    }
    const header = ["Authorization", h("code", {}, `${credential.split(" ")[0]} ‹ticket›:‹preimage›`)];
    request = payment
      ? run.step(
          "repeat",
          ASKS,
          "The page asks again, with the ticket",
          "The same request once more. Ticket and preimage go along in one header; neither works without the other.",
          facts([line, header]),
        )
      : run.step(
          "request",
          ASKS,
          "The page asks, ticket in hand",
          "The ticket bought earlier goes along from the start, so that the shop has no reason to ask for money.",
          facts([line, header]),
        );
    say("Asking the shop with the ticket.");
  }

  function received(response) {
    status = `${response.status} ${response.statusText}`.trim();
    request.mark("done");
  }

  const events = {
    challenge({ challenges }) {
      const offer =
        challenges.find((challenge) => challenge.offer?.protocol === "l402") ??
        challenges.find((challenge) => challenge.offer) ??
        challenges[0];
      const names = { token: "The ticket", macaroon: "The ticket", invoice: "The invoice" };
      run
        .step(
          "challenge",
          TELLS,
          "The shop wants to be paid first",
          "It answers “payment required”. A header holds its offer: an invoice to pay, and a ticket that becomes valid once it is paid.",
          facts([
            ["Answer", h("code", {}, status)],
            ["Scheme", h("code", {}, offer.scheme)],
            ...Object.entries(offer.params).map(([name, value]) => [
              names[name] ?? name[0].toUpperCase() + name.slice(1),
              long(value, `${name} as received`),
            ]),
          ]),
        )
        .done();
    },

    quote(event) {
      quote = event.quote;
      const { invoice, macaroon } = quote;
      run
        .step(
          "invoice",
          HERE,
          `The invoice asks ${sat(invoice.amountMsat)}`,
          "An invoice is a signed bill over one amount. Its payment hash is a lock, and only a payment brings out the key: a secret number called the preimage.",
          facts([
            ["Amount", `${sat(invoice.amountMsat)} (${msat(invoice.amountMsat)})`],
            ["For", invoice.description ?? "not said"],
            ["Payment hash", long(invoice.paymentHash, "payment hash")],
            ["Network", invoice.network],
            ["Protocol", PROTOCOLS[quote.protocol]],
            ["Expires", when(invoice.expiresAt)],
          ]),
        )
        .done();
      say(`The shop asks ${sat(invoice.amountMsat)}.`);
      if (!macaroon) return;
      const bound = macaroon.paymentHash === invoice.paymentHash;
      run
        .step(
          "macaroon",
          HERE,
          "The ticket belongs to this invoice",
          bound
            ? "The ticket is a macaroon. It names the same payment hash as the invoice: who pays this bill can use this ticket. Had the two differed, nothing would be paid."
            : "The ticket is a macaroon. It names no payment hash, so it can’t be held against the invoice before paying.",
          facts([
            ["Identifier", long(macaroon.identifier, "macaroon’s identifier")],
            macaroon.paymentHash && [
              "Payment hash",
              [
                long(macaroon.paymentHash, "macaroon’s payment hash"),
                bound && h("span", { class: "same" }, "same as the invoice’s"),
              ].filter(Boolean),
            ],
            [
              "Conditions",
              macaroon.caveats.length
                ? macaroon.caveats.map((caveat) => h("code", { class: "caveat" }, caveat.raw))
                : "none",
            ],
            macaroon.expiresAt !== null && ["Good until", when(macaroon.expiresAt)],
          ]),
        )
        .done();
    },

    paying(event) {
      payment = event.payment;
      limitsStep(true).done();
      asked = run.step(
        "payment",
        PAYS,
        "The wallet is asked to pay",
        "First the payment is written down, so that one whose outcome gets lost is never paid again. Then the wallet gets the invoice.",
        facts([
          ["Wallet", wallet.name],
          ["Amount", sat(payment.amountMsat)],
        ]),
      );
      say("Waiting for the wallet.");
    },

    paid(event) {
      payment = event.payment;
      const fee = payment.feeMsat ? sat(payment.feeMsat) : wallet.name === "WebLN" ? "none reported" : "0 sat";
      const pairs = [
        ["Wallet", wallet.name],
        ["Amount", sat(payment.amountMsat)],
        ["Fee", `${fee} (at most ${sat(wallet.maxFeeMsat)} allowed)`],
      ];
      const proof = wallet.preimage
        ? [
            ["Preimage", long(wallet.preimage, "preimage")],
            wallet.hashed && [
              "Its SHA-256",
              [
                long(wallet.hashed, "preimage’s hash"),
                wallet.hashed === payment.paymentHash && h("span", { class: "same" }, "same as the payment hash"),
              ].filter(Boolean),
            ],
          ]
        : [["Preimage", "fits the payment hash; not shown, as it is half of your ticket"]];
      asked.done(
        "The wallet paid, and proved it",
        "It handed over the preimage. Hashed with SHA-256 it gives the invoice’s payment hash, and nobody could have guessed it: that is the proof. It is stored before anything else happens.",
        facts([...pairs, ...proof]),
      );
      say("Paid.");
    },
  };

  /** The price held against the limits: a bar each. */
  function limitsStep(fits) {
    const amount = quote.amountMsat / 1000;
    const windows = [
      { label: "One payment", limit: limits.perPayment },
      { label: "In an hour", limit: limits.perHour, spent: before.hour },
    ].filter(({ limit }) => limit !== undefined);
    const rows = windows.map(({ label, limit, spent }) => [
      label,
      [
        h(
          "span",
          {},
          `${spent === undefined ? "" : `${spent} spent before, `}${amount} now, of ${limit} sat${(spent ?? 0) + amount > limit ? ": too much" : ""}`,
        ),
        bar(limit, [
          { size: spent ?? 0, kind: "spent" },
          { size: amount, kind: (spent ?? 0) + amount > limit ? "over" : "now" },
        ]),
      ],
    ]);
    const [title, sentence] = fits
      ? [
          "Your limits allow it",
          "The price fits, so it is reserved before the wallet is asked: requests that run at the same time can’t spend it twice. Fees come out of the same limits.",
        ]
      : ["Your limits refuse it", "The price does not fit, so it ends here, before the wallet hears of it."];
    return run.step("limits", HERE, title, sentence, facts(rows));
  }

  /** The end of a run that got its answer: `text`. `after` is the `spent()` of now. */
  function answered(response, text, after) {
    const forecast = response.ok ? readForecast(text) : undefined;
    const receipt = receiptOf(response);
    const pairs = [["Answer", h("code", {}, `${response.status} ${response.statusText}`.trim())]];
    if (receipt) {
      const { payment, paidNow } = receipt;
      pairs.push([
        "Receipt",
        `paidNow: ${paidNow}${paidNow ? `, ${sat(payment.amountMsat)} and ${sat(payment.feeMsat)} fee` : `, bought at ${clock(payment.settledAt)}`}`,
      ]);
      pairs.push(["Spent this hour", `${before.hour} sat before, ${after.hour} sat now`]);
    }
    const body = forecast ? table(forecast) : h("pre", {}, excerpt(text));
    const free = receipt && !receipt.paidNow;
    run
      .step(
        "answer",
        TELLS,
        !response.ok
          ? `The shop answers, but not with the ${thing}`
          : free
            ? `The ${thing}, at no cost`
            : `The ${thing}, ${receipt ? "paid for" : "for nothing"}`,
        free
          ? "The shop took the ticket. One payment, any number of answers, until the ticket runs out."
          : receipt
            ? "To the code that asked, this is a plain response. It need not know that a payment happened."
            : response.status === 402
              ? "It wants a payment that can’t be made here, so nothing was paid, and its answer is handed on as it is."
              : "It wants no payment, so its answer is handed on as it is.",
        body,
        facts(pairs),
      )
      .done();
    if (!receipt) run.end("nothing was asked for");
    else
      run.end(receipt.paidNow ? `paid ${sat(receipt.payment.amountMsat + receipt.payment.feeMsat)}` : "paid nothing");
    const [today] = forecast?.days ?? [];
    const gist = today
      ? `${forecast.place}: ${today.sky}, ${minus(today.low)} to ${minus(today.high)} ${forecast.unit}.`
      : `The shop answered ${response.status}.`;
    say(
      `${gist} ${free ? "Nothing was paid: the ticket was used again." : receipt ? `Paid ${sat(receipt.payment.amountMsat + receipt.payment.feeMsat)}.` : ""}`,
    );
  }

  /** The end of a run that failed. */
  function failed(reason) {
    const code = reason?.code ?? reason?.name ?? "Error";
    const parts = [
      code,
      reason?.message ?? String(reason),
      MEANING[code] ?? (reason instanceof TypeError && "The shop did not answer. Is its server still running?"),
    ].filter(Boolean);
    if (wallet?.name === "WebLN" && code.startsWith("payment_"))
      parts.push("Most wallets know only the main network and can’t pay an invoice of regtest. The test wallet can.");
    const cause = reason?.cause?.message ?? (typeof reason?.cause === "string" ? reason.cause : undefined);
    if (cause) parts.push(`The wallet said: ${cause}`);
    const { paymentHash, state } = reason?.payment ?? {};
    if (state === "unknown" || state === "pending") parts.push(releaseButton(paymentHash));
    const block = error(...parts);
    request?.mark("done");
    if (asked && payment.state !== "paid") {
      const known = code === "payment_failed";
      asked.refused(
        known ? "The wallet did not pay" : "The wallet proved nothing",
        known ? "It was asked, and says that no money moved." : "It was asked, and money may have moved.",
        block,
      );
    } else if (quote && code === "over_limit") {
      const step = limitsStep(false);
      step.mark("refused");
      step.add(block);
    } else {
      run
        .step("error", HERE, request ? "It ends here" : "Nothing was sent", "What the package says:", block)
        .mark("refused");
    }
    run.end(code, "refused");
    say(`${code}: ${reason?.message ?? reason}`);
  }

  function releaseButton(paymentHash) {
    const button = h(
      "button",
      { type: "button", class: "link" },
      "My wallet shows no such payment: release the amount",
    );
    button.addEventListener("click", async () => {
      await release(paymentHash);
      button.replaceWith(`Released: the amount is free again, and the ${thing} can be bought.`);
    });
    return button;
  }

  return {
    /** `spent` is the `spent()` of before the request. */
    begin: (spent) => (before = spent),
    sent,
    received,
    answered,
    failed,
    onEvent: (event) => events[event.type]?.(event),
  };
}

/** What a forecast is made of; undefined where the text is something else. */
function readForecast(text) {
  try {
    const forecast = JSON.parse(text);
    return Array.isArray(forecast.days) ? forecast : undefined;
  } catch {
    return undefined;
  }
}

/** Some shops sell films. */
const excerpt = (text) => (text.length <= EXCERPT ? text : `${text.slice(0, EXCERPT)}…`);

function table({ place, unit, days }) {
  return h(
    "table",
    { class: "forecast" },
    h("caption", {}, place),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Day", "Sky", `Low, ${unit}`, `High, ${unit}`].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      days.map(({ day, sky, low, high }) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, day),
          [sky, minus(low), minus(high)].map((value) => h("td", {}, value)),
        ),
      ),
    ),
  );
}
