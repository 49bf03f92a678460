// `node --import ./moments.mjs`: sends this process MOMENT_SIGNAL at its MOMENT'th moment. A moment is before or after
// a transaction of the ledger, a request, or an answer. Tells on standard error when it does so.
import { writeSync } from "node:fs";

const { MOMENT, MOMENT_SIGNAL = "SIGKILL" } = process.env;
let moments = 0;

function pass(what) {
  moments++;
  if (moments !== Number(MOMENT)) return;
  writeSync(2, `moment ${moments}: ${what}\n`);
  process.kill(process.pid, MOMENT_SIGNAL);
}

const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  if (sql !== "COMMIT") return exec.call(this, sql);
  pass("before a commit");
  const done = exec.call(this, sql);
  pass("after a commit");
  return done;
};

const { fetch } = globalThis;
globalThis.fetch = async (input, init) => {
  const what = `${init?.method ?? "GET"} ${new URL(input.url ?? input).pathname.split("/")[1]}`;
  pass(`before ${what}`);
  const response = await fetch(input, init);
  pass(`after ${what}`);
  return response;
};
