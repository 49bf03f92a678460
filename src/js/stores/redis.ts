import { L402Error } from "../core/error.js";
import { rangeOf } from "../core/range.js";
import type { Store } from "../core/store.js";
import { fromText, toText } from "./text.js";

/** A client of Redis: an ioredis `Redis` or `Cluster`, a node-redis client (4 to 6) that is connected, or Upstash's. */
export interface RedisClient {
  /** Runs a script. */
  // biome-ignore lint/suspicious/noExplicitAny: each client has types of its own, with many overloads
  eval: (...args: any[]) => Promise<any>;
}

/** The options of `redisStore`. */
export interface RedisOptions {
  /** The start of the two keys that hold all rows. Default: `l402-fetch:` */
  prefix?: string | undefined;
  /** Uses the server even if it may lose rows after it has confirmed them, and with them tokens. Default: false */
  acceptLoss?: boolean | undefined;
}

/*
 * Rows are the fields of one hash, and their keys are the members of a sorted set. In answers a `=` stands before each
 * key and value, since Upstash's client parses every text that looks like JSON. In arguments a `=` stands before each
 * value. An empty text means that there is no value.
 *
 * A script that fails half-way is not undone. So a script first checks whose the keys are, and sets before it deletes.
 * A server that is out of memory refuses the first command that sets, and then nothing is done.
 */
const WRITE = `
redis.call('ZCARD', KEYS[2])
local seen = tonumber(ARGV[1])
for i = 2, 2 * seen, 2 do
  local value = redis.call('HGET', KEYS[1], ARGV[i])
  if (value and '=' .. value or '') ~= ARGV[i + 1] then return 0 end
end
for i = 2 * seen + 2, #ARGV, 2 do
  if ARGV[i + 1] ~= '' then
    redis.call('HSET', KEYS[1], ARGV[i], string.sub(ARGV[i + 1], 2))
    redis.call('ZADD', KEYS[2], 0, ARGV[i])
  end
end
for i = 2 * seen + 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return 1`;

const READ = `
local found = {}
for i, key in ipairs(ARGV) do
  local value = redis.call('HGET', KEYS[1], key)
  found[i] = value and '=' .. value or ''
end
return found`;

const LIST = `
local found = {}
for i, key in ipairs(redis.call(ARGV[1], KEYS[2], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])) do
  found[2 * i - 1] = '=' .. key
  found[2 * i] = '=' .. redis.call('HGET', KEYS[1], key)
end
return found`;

/**
 * A store in Redis (6 or later) or Valkey, shared by all who use the same server and prefix. Every write, reading and
 * listing is one script and one round trip. All rows are under two keys with one hash tag, so that a cluster keeps
 * them in one place.
 *
 * By default Redis answers before it has written to the disk. So the store asks the server once for its settings. It
 * rejects unless `appendonly` is yes, `appendfsync` is always and `maxmemory-policy` is noeviction. Upstash and many
 * hosted servers don't tell their settings, and need `acceptLoss`. A failover to a replica can still lose rows:
 * replicas are always behind.
 *
 * @throws {L402Error} `invalid_options`
 */
export function redisStore(client: RedisClient, options: RedisOptions = {}): Store {
  const { run, setting } = adapt(client);
  if (options === null || typeof options !== "object") throw invalid("options must be an object");
  for (const key of Object.keys(options))
    if (key !== "prefix" && key !== "acceptLoss") throw invalid(`unknown option "${key}"`);
  const { prefix = "l402-fetch:", acceptLoss = false } = options;
  if (typeof prefix !== "string" || /[{}]/.test(prefix)) throw invalid("prefix must be a text without braces");
  if (typeof acceptLoss !== "boolean") throw invalid("acceptLoss must be true or false");
  const keys = ["rows", "keys"].map((name) => `{${prefix}}${name}`);
  let checked: Promise<void> | undefined;

  /** Asks the server once how it keeps its data. After a bad answer it is asked again. */
  function check() {
    checked ??= checkDurable(setting).catch((error) => {
      checked = undefined;
      throw error;
    });
    return checked;
  }
  async function ask(script: string, args: string[]) {
    if (!acceptLoss) await check();
    return run(script, keys, args);
  }

  return {
    async read(wanted) {
      if (wanted.length === 0) return [];
      const found: string[] = await ask(READ, [...wanted]);
      return found.map((value) => (value ? fromText(value.slice(1)) : null));
    },
    async write(changes, seen) {
      const args = [String(Object.keys(seen).length), ...argumentsOf(seen), ...argumentsOf(changes)];
      return (await ask(WRITE, args)) === 1;
    },
    async list(prefix, options) {
      const range = rangeOf(prefix, options);
      const { limit, reverse } = options;
      if (!range || limit === 0) return [];
      const bounds = [`${range.open ? "(" : "["}${range.from}`, `(${range.to}`];
      const command = reverse ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX";
      const found: string[] = await ask(LIST, [command, ...(reverse ? bounds.reverse() : bounds), String(limit)]);
      return Array.from({ length: found.length / 2 }, (_, index) => {
        const [key, value] = found.slice(2 * index, 2 * index + 2) as [string, string];
        return [key.slice(1), fromText(value.slice(1))];
      });
    },
  };
}

const argumentsOf = (rows: Readonly<Record<string, string | null>>) =>
  Object.entries(rows).flatMap(([key, value]) => [key, value === null ? "" : `=${toText(value)}`]);

interface Adapted {
  // biome-ignore lint/suspicious/noExplicitAny: a script's answer has any type
  run(script: string, keys: string[], args: string[]): Promise<any>;
  /** The value of a setting. Undefined if the server does not tell. */
  setting(name: string): Promise<unknown>;
}

function adapt(client: RedisClient): Adapted {
  // biome-ignore lint/suspicious/noExplicitAny: the members tell the clients apart
  const any = client as any;
  if (typeof any?.eval !== "function") throw invalid("client must be one of ioredis, node-redis or @upstash/redis");
  // ioredis
  if (typeof any.defineCommand === "function") {
    return {
      run: (script, keys, args) => any.eval(script, keys.length, ...keys, ...args),
      setting: async (name) => (await any.config("GET", name))[1],
    };
  }
  // node-redis. Its cluster has no command that reads settings.
  if (typeof any.evalSha === "function") {
    return {
      run: (script, keys, args) => any.eval(script, { keys, arguments: args }),
      setting: async (name) => (await any.configGet?.(name))?.[name],
    };
  }
  // Upstash. It has no command that reads settings.
  return { run: (script, keys, args) => any.eval(script, keys, args), setting: async () => undefined };
}

/** The settings that a server must have, so that it loses nothing that it has confirmed. */
const NEEDED = { appendonly: "yes", appendfsync: "always", "maxmemory-policy": "noeviction" };

async function checkDurable(setting: Adapted["setting"]) {
  await Promise.all(
    Object.entries(NEEDED).map(async ([name, needed]) => {
      let cause: unknown;
      const is = await setting(name).catch((error) => {
        cause = error;
      });
      if (is === needed) return;
      const reason = is === undefined ? `does not tell its ${name}` : `has ${name} ${is}`;
      throw new Error(
        `the Redis server ${reason}, and may lose what was paid for: set it to ${needed}, or pass acceptLoss: true`,
        { cause },
      );
    }),
  );
}

const invalid = (message: string) => new L402Error("invalid_options", message);
