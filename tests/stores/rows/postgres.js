// `postgres.js CLIENT STORES`: the store in PostgreSQL, by the client pg or postgres.js, on a server of its own.
// Prints the results as one line of JSON.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath, pathToFileURL } from "node:url";
import pg from "pg";
import postgres from "postgres";
import { runSuite } from "../../runtimes/harness.js";
import { startProxy } from "../../support/proxy.mjs";
import { startPostgres } from "../../support/servers.mjs";
import suite from "../rows-suite.js";

const [client, stores, given] = process.argv.slice(2);
const { postgresStore } = await import(pathToFileURL(`${stores}/postgres.js`));
const KEYS = ["a", "b", "c", "d"];

/** A client with the surface that the cases need, whichever it is. */
function connect(port, { max = 4, settings = {}, user = "postgres" } = {}) {
  if (client === "postgres") {
    const sql = postgres({
      host: "127.0.0.1",
      port,
      user,
      database: "postgres",
      max,
      connection: settings,
      onnotice() {},
      fetch_types: false,
    });
    return { client: sql, ask: (text) => sql.unsafe(text), close: () => sql.end({ timeout: 1 }) };
  }
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const pool = new pg.Pool({ host: "127.0.0.1", port, user, database: "postgres", max, options: options.join(" ") });
  pool.on("error", () => {});
  return { client: pool, ask: async (text) => (await pool.query(text)).rows, close: () => pool.end() };
}

if (given) {
  // One process of several: writes four rows at a time until it is killed, and says what is promised.
  const { port, table, name } = JSON.parse(given);
  process.on("disconnect", () => process.exit());
  const store = postgresStore(connect(port).client, { table });
  const keys = KEYS.map((key) => `${name}/${key}`);
  for (let number = 1; ; number++) {
    const done = await store.write(Object.fromEntries(keys.map((key) => [key, String(number)])), {}).catch(() => false);
    if (done) process.send(number);
  }
}

const server = await startPostgres();
const proxy = await startProxy(server.port);
const direct = connect(server.port, { max: 8 });
const proxied = connect(proxy.port, { max: 1 });
let tables = 0;
const newTable = () => `own_${++tables}`;
const places = new Map();
function open(place) {
  if (!places.has(place)) places.set(place, newTable());
  return postgresStore(direct.client, { table: places.get(place) });
}
const fourRows = (value) => Object.fromEntries(KEYS.map((key) => [key, value]));

const cases = [
  {
    name: "what is no client, no option and no table: invalid_options",
    async run(t) {
      for (const args of [
        [],
        [null],
        [{}],
        [direct.client, null],
        [direct.client, { tabel: "a" }],
        ...["", "A", "a b", 'a"b', "a.b.c", "1a", 5, "x".repeat(60)].map((table) => [direct.client, { table }]),
      ])
        t.throws(() => postgresStore(...args), "invalid_options");
    },
  },
  {
    name: "the table is made, with its schema's name if it is given, and tables are apart",
    async run(t) {
      await direct.ask("CREATE SCHEMA theirs");
      for (const [options, table] of [
        [undefined, "public.l402_fetch"],
        [{ table: "theirs.rows" }, "theirs.rows"],
      ]) {
        const store = postgresStore(direct.client, options);
        t.equal(await store.write({ a: table }, { a: null }), true);
        t.same(await store.read(["a"]), [table]);
        t.same(await direct.ask(`SELECT key, value FROM ${table}`), [{ key: "a", value: table }]);
      }
    },
  },
  {
    name: "who may not create uses what is there, and is told so where it is not",
    async run(t) {
      const [there, missing] = [newTable(), newTable()];
      await postgresStore(direct.client, { table: there }).write({ a: "1" }, {});
      await direct.ask(`CREATE ROLE guest LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ${there} TO guest`);
      const guest = connect(server.port, { user: "guest" });
      try {
        t.equal(await postgresStore(guest.client, { table: there }).write({ a: "2" }, { a: "1" }), true);
        const error = await t.rejects(postgresStore(guest.client, { table: missing }).read(["a"]), "42501");
        t.ok(/permission denied/.test(error.message), error.message);
      } finally {
        await guest.close();
      }
    },
  },
  {
    name: "each write, reading and listing is one round trip",
    alone: true,
    async run(t) {
      const store = postgresStore(proxied.client, { table: newTable() });
      const tasks = {
        write: () => store.write(fourRows("1"), {}),
        "a write that loses": () => store.write(fourRows("1"), { a: "0" }),
        read: () => store.read(KEYS),
        list: () => store.list("", { limit: 10 }),
      };
      for (const task of Object.values(tasks)) await task();
      for (const [name, task] of Object.entries(tasks)) {
        proxy.trips();
        await task();
        t.equal(proxy.trips(), 1, name);
      }
    },
  },
  {
    name: "inside a transaction of the caller's nothing is promised",
    async run(t) {
      const table = newTable();
      await postgresStore(direct.client, { table }).write({ a: "1" }, {});
      if (client === "postgres") {
        await direct.client.begin(async (sql) => t.throws(() => postgresStore(sql, { table }), "invalid_options"));
        return;
      }
      const one = new pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres" });
      await one.connect();
      const store = postgresStore(one, { table });
      await one.query("BEGIN");
      await t.rejects(store.write({ a: "2" }, { a: "1" }), "2D000");
      await one.query("ROLLBACK");
      const many = Array.from({ length: 20 }, (_, index) => store.write({ a: String(index) }, {}));
      t.same(
        await Promise.all(many),
        many.map(() => true),
        "writes through one Client at once",
      );
      await one.end();
    },
  },
  ...Object.entries({
    "transactions are serializable": { default_transaction_isolation: "serializable" },
    "transactions read what they saw first": { default_transaction_isolation: "repeatable\\ read" },
    "commits are not waited for": { synchronous_commit: "off" },
  }).map(([name, settings]) => ({
    name: `a session where ${name}: counting at once loses nothing, and each write is on the disk`,
    async run(t) {
      const table = newTable();
      const set = Object.fromEntries(
        Object.entries(settings).map(([key, value]) => [key, client === "pg" ? value : value.replace("\\", "")]),
      );
      const session = connect(server.port, { settings: set });
      try {
        const store = postgresStore(session.client, { table });
        await store.write({ a: "0" }, {});
        // tells what each write is committed with
        await direct.ask(`CREATE TABLE ${table}_log (setting text);
          CREATE FUNCTION ${table}_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO ${table}_log VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
          CREATE TRIGGER note AFTER INSERT OR UPDATE ON ${table} EXECUTE FUNCTION ${table}_note()`);
        await Promise.all(
          Array.from({ length: 4 }, async () => {
            for (let left = 15; left > 0; ) {
              const [value] = await store.read(["a"]);
              if (await store.write({ a: String(Number(value) + 1) }, { a: value })) left--;
            }
          }),
        );
        t.same(await store.read(["a"]), ["60"]);
        t.same(await direct.ask(`SELECT DISTINCT setting FROM ${table}_log`), [{ setting: "on" }]);
      } finally {
        await session.close();
      }
    },
  })),
  {
    name: "a write whose answer is cut off rejects, and has happened: the same again answers false",
    alone: true,
    async run(t) {
      const store = postgresStore(proxied.client, { table: newTable() });
      await store.write(fourRows("1"), {});
      proxy.cutNext();
      await t.rejects(store.write(fourRows("2"), fourRows("1")));
      t.same(await store.read(KEYS), Object.values(fourRows("2")));
      t.equal(await store.write(fourRows("2"), fourRows("1")), false);
    },
  },
  {
    name: "a row that somebody else holds is waited for",
    async run(t) {
      const table = newTable();
      const store = postgresStore(direct.client, { table });
      await store.write({ a: "1" }, {});
      const other = new pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres" });
      await other.connect();
      await other.query(`BEGIN; UPDATE ${table} SET value = '2'`);
      const writing = store.write({ a: "3" }, {});
      await other.query("COMMIT");
      await other.end();
      t.equal(await writing, true);
      t.same(await store.read(["a"]), ["3"]);
    },
  },
  {
    name: "processes that are killed, and then the server: all that was promised is there, and nothing by halves",
    alone: true,
    timeout: 60_000,
    async run(t) {
      const table = newTable();
      const store = postgresStore(direct.client, { table });
      for (let time = 0; time < 2; time++) {
        const promised = [];
        const writers = ["one", "two"].map((name, index) => {
          const told = JSON.stringify({ port: server.port, table, name: `${time}/${name}` });
          const child = fork(fileURLToPath(import.meta.url), [client, stores, told]);
          child.on("message", (number) => {
            promised[index] = number;
          });
          return child;
        });
        while (promised.filter((number) => number > 5).length < 2)
          await new Promise((resolve) => setTimeout(resolve, 1));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
        // first the server fails under them, then they under the server
        if (time % 2) await server.restart();
        await Promise.all(
          writers.map(async (writer) => {
            writer.kill("SIGKILL");
            await once(writer, "close");
          }),
        );
        for (const [index, name] of ["one", "two"].entries()) {
          const keys = KEYS.map((key) => `${time}/${name}/${key}`);
          // a connection that ended with the server is noticed at its next use
          const values = await store.read(keys).catch(() => store.read(keys));
          t.equal(new Set(values).size, 1, "different values of one write");
          t.ok(Number(values[0]) >= promised[index], `${promised[index]} was promised, there is ${values[0]}`);
        }
      }
    },
  },
];

let results;
try {
  results = await runSuite(
    [...suite, ...cases],
    { open, runtime: client, times: client === "pg" ? 10_000 : 2_000, lists: 100 },
    { timeout: 60_000 },
  );
} finally {
  await Promise.all([direct.close(), proxied.close()]).catch(() => {});
  await proxy.close();
  await server.close();
}
console.log(JSON.stringify(results));
process.exit(0);
