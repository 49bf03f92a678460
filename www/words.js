// Amounts, times and errors in plain words.

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3, useGrouping: true });

/** Millisatoshis as satoshis. */
export const sat = (msat) => `${number.format(msat / 1000).replaceAll(",", "\u202f")} sat`;

export const msat = (value) => `${number.format(value).replaceAll(",", "\u202f")} msat`;

/** A number with a minus sign as print has it. */
export const minus = (value) => String(value).replace("-", "\u2212");

/** Unix seconds as a time of day. */
export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

/** Unix seconds as a time of day, and how far off it is. */
export function when(seconds) {
  const apart = Math.round(seconds - Date.now() / 1000);
  const size = Math.abs(apart);
  const [unit, length] = [
    ["s", 1],
    ["min", 60],
    ["h", 3600],
    ["days", 86400],
  ].findLast(([, length]) => size >= 1.5 * length) ?? ["s", 1];
  const count = Math.round(size / length);
  return `${clock(seconds)}, ${apart >= 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`}`;
}

/** What an error means for whoever reads the page; undefined where its own message is all there is to say. */
export const MEANING = {
  over_limit: "The wallet was not asked and nothing was paid. Raise the limit to buy.",
  invalid_options:
    "createFetch refuses options that it can’t be sure of: a limit with a typo must not pass for no limit. Nothing was requested.",
  declined: "Nothing was paid.",
  payment_failed: "The wallet says that nothing was paid, so the amount is free again.",
  payment_unknown:
    "Nobody can tell whether the wallet paid. The amount stays counted, and nothing more is paid here until that is known.",
  no_preimage:
    "Without the preimage there is no proof and no ticket. The amount stays counted, as money may have moved.",
  wrong_preimage: "What the wallet gave does not fit the payment hash, so it proves nothing. The amount stays counted.",
  wrong_network: "This page pays invoices of regtest only. Nothing was paid.",
  hash_mismatch: "Invoice and ticket name different payments: paying would have bought nothing. Nothing was paid.",
  not_honored:
    "The shop took the money and refused the ticket, so it is not paid again. Forget the ticket to allow it.",
  request_failed: "It is paid and the ticket is kept: ask again, and nothing is paid twice.",
  load_failed: "The part of the package that reads invoices could not be loaded. Nothing was paid.",
};
