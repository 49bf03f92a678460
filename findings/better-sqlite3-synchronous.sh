#!/bin/sh
# better-sqlite3 says that a new database in WAL mode is written with `synchronous` FULL, and writes it with NORMAL: the
# pragma's answer changes by itself at the first transaction. With NORMAL a commit is not on the disk when it returns.
#
# Seen with better-sqlite3 12.11.1 (SQLite 3.53.2) on Node 20:
#
#   after journal_mode = WAL: 2
#   after the first transaction: 1
#   set to 2 by hand, after a transaction: 2
#
# It is built with SQLITE_DEFAULT_WAL_SYNCHRONOUS=1, which holds for whoever has never set the level. Who asks whether it is
# below FULL, and sets it only then, has no durable database. node:sqlite, Deno and Bun stay at 2.
#
# Where no build for this machine can be had it is compiled: that needs a C++ compiler, Python and Node's headers.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module", "allowScripts": { "better-sqlite3": true } }' > package.json
npm install --no-audit --no-fund --loglevel=error better-sqlite3@12.11.1 > /dev/null
cat > try.mjs <<'END'
import Database from "better-sqlite3";

const seen = [];
const look = (database, when) => {
  const level = database.pragma("synchronous", { simple: true });
  seen.push(level);
  console.log(`${when}: ${level}`);
};
const one = new Database("one.db");
one.pragma("journal_mode = WAL");
look(one, "after journal_mode = WAL");
one.exec("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
look(one, "after the first transaction");

const two = new Database("two.db");
two.pragma("journal_mode = WAL");
two.pragma("synchronous = FULL");
two.exec("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
look(two, "set to 2 by hand, after a transaction");
if (seen.join() !== "2,1,2") {
  console.error("this has changed: expected 2, 1 and 2");
  process.exitCode = 1;
}
END
node try.mjs
