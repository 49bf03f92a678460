#!/bin/sh
# Deno's node:sqlite hands a text back without what follows its first U+0000. SQLite has the whole: what is read and written
# back, or compared with what was written, is another text.
#
# Seen with deno 2.9.5, and so in Node 24.9.0; not in Node 26.10.0, bun:sqlite of Bun 1.4.5 and better-sqlite3 12.11.1:
#
#   written "a\u0000b", read "a", bytes in the database 3
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module", "allowScripts": { "deno": true } }' > package.json
npm install --no-audit --no-fund --loglevel=error deno@2.9.5 > /dev/null
cat > try.mjs <<'END'
import { DatabaseSync } from "node:sqlite";

const database = new DatabaseSync(":memory:");
database.exec("CREATE TABLE t (value TEXT)");
const written = "a\0b";
database.prepare("INSERT INTO t VALUES (?)").run(written);
const { value, bytes } = database.prepare("SELECT value, length(CAST(value AS BLOB)) AS bytes FROM t").get();
console.log(`written ${JSON.stringify(written)}, read ${JSON.stringify(value)}, bytes in the database ${bytes}`);
if (value !== "a" || bytes !== 3) {
  console.error("this has changed: expected to read a, of 3 bytes");
  process.exitCode = 1;
}
END
node_modules/.bin/deno run --allow-all try.mjs
