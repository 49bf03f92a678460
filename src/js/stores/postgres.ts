import { L402Error } from "../core/error.js";
import { rangeOf } from "../core/range.js";
import type { Store } from "../core/store.js";
import { fromText, toText } from "./text.js";

/** The part of `pg` that is used: a Pool or a Client that is connected. */
export interface PgClient {
  /** Sends a statement with its parameters. */
  // biome-ignore lint/suspicious/noExplicitAny: pg has many overloads of it
  query(text: string, values?: any[]): Promise<{ rows: any[] }> | any;
}

/** The part of postgres.js that is used: the function that `postgres(…)` returns. */
export interface PostgresJs {
  /** Sends a statement with its parameters. */
  // biome-ignore lint/suspicious/noExplicitAny: postgres.js has types of its own for parameters and rows
  unsafe(text: string, values?: any[], options?: { prepare?: boolean }): PromiseLike<any>;
}

/**
 * A store in a table of PostgreSQL (13 or later), shared by all who use the same table. Every write, reading and
 * listing is one statement and one round trip.
 *
 * The store makes the table and a procedure `<table>_write` if they are missing. That needs the right to create in the
 * schema. A write is on the server's disk before it resolves, even if `synchronous_commit` is off. A failover to a
 * replica that lags behind loses rows, so use synchronous replicas. Statements must reach the primary server.
 *
 * @param client A Pool (or connected Client) of `pg`, or the function that `postgres(…)` of postgres.js returns. A
 *   Client is asked one thing at a time. Inside a transaction of the caller's, a write rejects and breaks that
 *   transaction.
 * @param options.table The name in lower case, maybe with a schema: `payments.rows`. Default: `l402_fetch`
 * @throws {L402Error} `invalid_options`
 */
export function postgresStore(client: PgClient | PostgresJs, options: { table?: string | undefined } = {}): Store {
  const query = adapt(client);
  if (options === null || typeof options !== "object") throw invalid("options must be an object");
  for (const key of Object.keys(options)) if (key !== "table") throw invalid(`unknown option "${key}"`);
  const { table: name = "l402_fetch" } = options;
  if (typeof name !== "string" || !/^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]{0,55}$/.test(name))
    throw invalid("table must be a lower-case name, maybe with a schema before it");
  const table = quote(name);
  let making: Promise<unknown> | undefined;

  /** Sends a statement. If the table or the procedure is missing, makes them and sends it again. */
  async function ask(text: string, values: string[]): Promise<Row[]> {
    try {
      return await query(text, values);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    making ??= query(creation(name)).finally(() => {
      making = undefined;
    });
    await making;
    return query(text, values);
  }

  return {
    async read(keys) {
      const wanted = [...keys];
      const rows = await ask(`SELECT key, value FROM ${table} WHERE key = ANY ($1::text::text[])`, [arrayOf(wanted)]);
      const values = new Map(rows.map(({ key, value }) => [key, fromText(value)]));
      return wanted.map((key) => values.get(key) ?? null);
    },
    async write(changes, seen) {
      const rows = await ask(`CALL ${quote(`${name}_write`)} ($1, $2, NULL)`, [jsonOf(changes), jsonOf(seen)]);
      return rows[0]?.written === true;
    },
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      if (!range) return [];
      const { from, open, to } = range;
      const rows = await ask(
        `SELECT key, value FROM ${table} WHERE key ${open ? ">" : ">="} $1 AND key < $2
         ORDER BY key ${options.reverse ? "DESC" : "ASC"} LIMIT $3::text::int`,
        [from, to, String(options.limit)],
      );
      return rows.map(({ key, value }) => [key, fromText(value)]);
    },
  };
}

interface Row {
  key: string;
  value: string;
  written?: boolean;
}
type Query = (text: string, values?: string[]) => Promise<Row[]>;

function adapt(client: PgClient | PostgresJs): Query {
  const { unsafe, query } = (client ?? {}) as Partial<PgClient & PostgresJs>;
  if (typeof unsafe === "function") {
    if ("savepoint" in client) throw invalid("client must not be a transaction: what it writes could be rolled back");
    // If the caller has turned prepared statements off, postgres.js prepares none.
    return async (text, values) => (client as PostgresJs).unsafe(text, values, { prepare: true });
  }
  if (typeof query !== "function") throw invalid("client must be a Pool or Client of pg, or what postgres.js returns");
  const ask: Query = async (text, values) => (await (client as PgClient).query(text, values)).rows;
  if ("totalCount" in client) return ask;
  // pg is going to remove the queue of its Client.
  let last: Promise<unknown> = Promise.resolve();
  return (text, values) => {
    const asked = last.then(() => ask(text, values));
    last = asked.catch(() => {});
    return asked;
  };
}

/**
 * The table, and the procedure that compares and writes. It locks the hashes of the keys, also of absent ones. So
 * writes of the same rows run one after another, and each sees what the earlier ones have committed. The first COMMIT
 * commits nothing: it only fails inside a transaction of the caller's.
 */
function creation(name: string): string {
  const table = quote(name);
  return `
SELECT pg_advisory_xact_lock(4027402402);
CREATE TABLE IF NOT EXISTS ${table} (key text COLLATE "C" PRIMARY KEY, value text NOT NULL);
CREATE OR REPLACE PROCEDURE ${quote(`${name}_write`)} (changes text, seen text, INOUT written boolean)
LANGUAGE plpgsql AS $procedure$
BEGIN
  COMMIT;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  IF current_setting('synchronous_commit') = 'off' THEN
    SET LOCAL synchronous_commit = on;
  END IF;
  PERFORM pg_advisory_xact_lock(hash) FROM (
    SELECT DISTINCT hashtextextended(key, '${table}'::regclass::oid::bigint) AS hash
    FROM (SELECT json_object_keys(changes::json) UNION SELECT json_object_keys(seen::json)) AS keys (key)
    ORDER BY hash
  ) AS hashes;
  written := NOT EXISTS (
    SELECT FROM json_each_text(seen::json) AS expected LEFT JOIN ${table} AS actual USING (key)
    WHERE actual.value IS DISTINCT FROM expected.value
  );
  IF written THEN
    DELETE FROM ${table} AS actual USING json_each_text(changes::json) AS change
    WHERE actual.key = change.key AND change.value IS NULL;
    INSERT INTO ${table} (key, value)
    SELECT change.key, change.value FROM json_each_text(changes::json) AS change WHERE change.value IS NOT NULL
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;
  END IF;
END
$procedure$`;
}

/** Whether the table or the procedure was not found: it is missing, or its schema is not on the search path. */
const isMissing = (error: unknown) => ["42P01", "42883"].includes((error as { code?: string } | undefined)?.code ?? "");

const quote = (name: string) =>
  name
    .split(".")
    .map((part) => `"${part}"`)
    .join(".");

/** A list of texts in PostgreSQL's own form. Both clients pass a text on unchanged. */
const arrayOf = (values: string[]) => `{${values.map((value) => `"${value.replace(/[\\"]/g, "\\$&")}"`).join()}}`;

const jsonOf = (rows: Readonly<Record<string, string | null>>) =>
  JSON.stringify(
    Object.fromEntries(Object.entries(rows).map(([key, value]) => [key, value === null ? null : toText(value)])),
  );

const invalid = (message: string) => new L402Error("invalid_options", message);
