// Payments as a table for people, and as one for spreadsheets.
import Table from "cli-table3";
import { stringify } from "csv-stringify/sync";
import type { Payment } from "../core/payment.js";
import { coloured, plain } from "./output.js";

const NO_LINES = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "" },
  ...{ "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
};
const COLOURS = { paid: "green", failed: "dim", pending: "yellow", unknown: "red" } as const;
/** As many digits of a hash as tell it from others. */
const DIGITS = 12;

const sat = (msat: number) => String(msat / 1000);
const time = (seconds: number | null) => (seconds === null ? "" : new Date(seconds * 1000).toISOString());

/** Times are in UTC, amounts in sat. */
export function tableOf(payments: Payment[]): string {
  const names = ["time (UTC)", "sat", "fee", "state", "payment", "scope", "url"];
  const table = new Table({
    head: names.map((name) => coloured("bold", name)),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: ["left", "right", "right"],
  });
  for (const { startedAt, amountMsat, feeMsat, state, paymentHash, scopes, url } of payments) {
    const row = [time(startedAt).slice(0, 16).replace("T", " "), sat(amountMsat), sat(feeMsat)];
    table.push([
      ...row,
      coloured(COLOURS[state], state),
      paymentHash.slice(0, DIGITS),
      plain(scopes.join("/")),
      plain(url),
    ]);
  }
  return `${table.toString().replace(/ +$/gm, "")}\n`;
}

/** A spreadsheet takes what begins with = or @ for a formula, and a stranger wrote the descriptions. */
export function csvOf(payments: Payment[]): string {
  const rows = payments.map(({ startedAt, settledAt, amountMsat, feeMsat, scopes, ...rest }) => ({
    ...{ startedAt: time(startedAt), settledAt: time(settledAt), amountSat: sat(amountMsat), feeSat: sat(feeMsat) },
    ...{ scopes: scopes.join("/"), ...{ ...rest, amountSat: sat(amountMsat) } },
  }));
  const columns = [
    ...["startedAt", "settledAt", "state", "amountSat", "feeSat", "protocol", "url", "scopes", "description"],
    ...["paymentHash", "invoice"],
  ];
  return stringify(rows, { header: true, columns, escape_formulas: true });
}
