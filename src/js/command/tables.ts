// Payments and sessions as tables for people, and payments as one for spreadsheets.
import Table from "cli-table3";
import { stringify } from "csv-stringify/sync";
import type { ClosedSession, Payment, Session } from "../core/payment.js";
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
const minute = (seconds: number) => time(seconds).slice(0, 16).replace("T", " ");

/** A table of rows under their headings. The first column is of text, and so are those after the numbers. */
function tableWith(names: string[], numbers: number, rows: string[][]) {
  const table = new Table({
    head: names.map((name) => coloured("bold", name)),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: ["left", ...Array<"right">(numbers).fill("right")],
  });
  table.push(...rows);
  return `${table.toString().replace(/ +$/gm, "")}\n`;
}

/** Times are in UTC, amounts in sat. */
export function tableOf(payments: Payment[]): string {
  const rows = payments.map(({ startedAt, amountMsat, feeMsat, state, paymentHash, scopes, url }) => [
    ...[minute(startedAt), sat(amountMsat), sat(feeMsat), coloured(COLOURS[state], state)],
    ...[paymentHash.slice(0, DIGITS), plain(scopes.join("/")), plain(url)],
  ]);
  return tableWith(["time (UTC)", "sat", "fee", "state", "payment", "scope", "url"], 2, rows);
}

/** Sessions that are open. */
export function sessionsOf(sessions: Session[]): string {
  const rows = sessions.map(({ openedAt, depositMsat, unitMsat, unitType, sessionId, origin }) => [
    ...[minute(openedAt), sat(depositMsat), sat(unitMsat)],
    ...[plain(unitType ?? ""), sessionId.slice(0, DIGITS), plain(origin)],
  ]);
  return tableWith(["opened (UTC)", "deposit", "price", "of a", "session", "origin"], 2, rows);
}

/** Sessions that were closed. What the server says of the refund is its word alone. */
export function closedOf(sessions: ClosedSession[]): string {
  const rows = sessions.map(({ session, refundSats, refundStatus, receivedMsat }) => [
    ...[session.sessionId.slice(0, DIGITS), sat(session.depositMsat), String(refundSats)],
    ...[receivedMsat === null ? "not known" : sat(receivedMsat), plain(refundStatus), plain(session.origin)],
  ]);
  return tableWith(["session", "deposit", "refund", "received", "by the server", "origin"], 3, rows);
}

/** A spreadsheet takes what begins with = or @ for a formula, and a stranger wrote the descriptions. */
export function csvOf(payments: Payment[]): string {
  const rows = payments.map(({ startedAt, settledAt, amountMsat, feeMsat, scopes, description, ...rest }) => ({
    ...{ startedAt: time(startedAt), settledAt: time(settledAt), feeSat: sat(feeMsat) },
    ...{ scopes: plain(scopes.join("/")), description: plain(description ?? ""), ...rest },
    amountSat: sat(amountMsat),
  }));
  const columns = [
    ...["startedAt", "settledAt", "state", "amountSat", "feeSat", "protocol", "url", "scopes", "description"],
    ...["paymentHash", "invoice"],
  ];
  return stringify(rows, { header: true, columns, escape_formulas: true });
}
