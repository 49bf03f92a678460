import { L402Error } from "./error.js";
import type { ReadScope } from "./options.js";
import type { Payment } from "./payment.js";

/** Which payments are told, newest first. */
export interface Filter {
  /** Any URL of the origin that is meant. */
  origin?: string | undefined;
  /** In this state. */
  state?: Payment["state"] | undefined;
  /**
   * Made in this scope or within it: the names of the scopes, outermost first, with `/` between them. Default: the
   * scope that is asked.
   */
  scope?: string | undefined;
  /** Begun at this time or later, in Unix seconds. */
  since?: number | undefined;
  /** Older than this payment: the payment hash of the last one of the page before. */
  before?: string | undefined;
  /** At most so many. Default 100, at most 1000. */
  limit?: number | undefined;
}

const STATES = ["pending", "unknown", "paid", "failed"];
const MOST = 1000;

/**
 * Checks a filter of `payments()` of a scope. Gives what the core reads.
 *
 * @throws {L402Error} `invalid_options`, naming the key
 * @internal
 */
export function readFilter(filter: Filter = {}, asked?: ReadScope) {
  if (typeof filter !== "object" || filter === null) throw invalid("filter must be an object");
  const { origin, state, scope, since, before, limit = 100, ...others } = filter;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw invalid(`filter.${unknown} is not known`);
  if (state !== undefined && !STATES.includes(state)) throw invalid(`filter.state must be one of ${STATES.join(", ")}`);
  if (scope !== undefined && !(typeof scope === "string" && /^[^/]+(\/[^/]+)*$/.test(scope)))
    throw invalid("filter.scope must be names of scopes with / between them");
  if (since !== undefined && !isWhole(since)) throw invalid("filter.since must be a time in whole Unix seconds");
  if (before !== undefined && (typeof before !== "string" || !/^[0-9a-f]{64}$/i.test(before)))
    throw invalid("filter.before must be a payment hash: a string of 64 hex digits");
  if (!isWhole(limit) || limit < 1 || limit > MOST)
    throw invalid(`filter.limit must be a whole number from 1 to ${MOST}`);
  return {
    origin: origin === undefined ? origin : originOf(origin),
    state,
    scopes: scope?.split("/") ?? namesOf(asked),
    since,
    before,
    limit,
  };
}

/** The names of a scope and of those around it, outermost first. */
const namesOf = (scope: ReadScope | undefined): string[] =>
  scope ? [...namesOf(scope.outer), scope.name].filter((name) => name !== undefined) : [];

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function originOf(origin: unknown) {
  try {
    return new URL(origin as string).origin;
  } catch {
    throw invalid("filter.origin must be an absolute url");
  }
}

const invalid = (message: string) => new L402Error("invalid_options", message);
