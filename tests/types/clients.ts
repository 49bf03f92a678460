// The stores with the databases' clients, by the clients' own types.
import { Redis as Upstash } from "@upstash/redis";
import SqliteDatabase from "better-sqlite3";
import { Cluster, Redis } from "ioredis";
import pg from "pg";
import postgres from "postgres";
import { createClient as createClient4, createCluster as createCluster4 } from "redis4";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import { createClient as createClient6, createCluster as createCluster6 } from "redis6";
import { createFetch, type Store } from "../../dist/index.js";
import { postgresStore } from "../../dist/stores/postgres.js";
import { redisStore } from "../../dist/stores/redis.js";
import { sqliteStore } from "../../dist/stores/sqlite.js";

/** As node:sqlite declares it. */
declare class DatabaseSync {
  exec(sql: string): void;
  prepare(sql: string): {
    get(...values: (null | number | bigint | string)[]): Record<string, null | number | bigint | string> | undefined;
    all(...values: (null | number | bigint | string)[]): Record<string, null | number | bigint | string>[];
    run(...values: (null | number | bigint | string)[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  };
}
declare const acceptLoss: boolean;
const rootNodes = [{ url: "redis://a.b" }];

for (const store of [
  sqliteStore(new DatabaseSync()),
  sqliteStore(new SqliteDatabase("shop.db")),
  postgresStore(new pg.Pool()),
  postgresStore(new pg.Client(), { table: "payments.rows" }),
  postgresStore(postgres("postgres://a.b"), { table: undefined }),
  redisStore(new Redis(), { prefix: "shop:" }),
  redisStore(new Cluster([]), { prefix: undefined, acceptLoss: undefined }),
  redisStore(createClient4()),
  redisStore(createClient5()),
  redisStore(createClient6()),
  redisStore(createCluster4({ rootNodes })),
  redisStore(createCluster5({ rootNodes })),
  redisStore(createCluster6({ rootNodes })),
  redisStore(new Upstash({ url: "https://a.b", token: "x" }), { acceptLoss }),
] satisfies Store[])
  createFetch({ wallet: async () => "00", limits: { perPayment: 1 }, store });
