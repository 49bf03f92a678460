// What a model asks for. All of it may be wrong, and what is wrong is named, so that the model can mend it.
import { L402Error } from "../core/error.js";
import type { InputSchema } from "./index.js";

/** The members of an input that are there. Each of them fits its schema. */
export type Input = Record<string, unknown>;

/** A request as a model asks for it. */
export interface Asked {
  url: URL;
  init: { method: string; headers: Record<string, string>; body?: string };
}

/**
 * Headers that are not a model's to set: credentials, which belong to the developer; proofs of payment; and what says
 * where a request goes and how it is framed.
 */
const FORBIDDEN =
  /^(authorization|cookie|host|connection|content-length|expect|forwarded|keep-alive|te|trailer|transfer-encoding|upgrade|via|(payment|proxy|sec|x-forwarded)-.*)$/i;

/** The error for what is wrong with an input. */
export const invalid = (message: string): L402Error => new L402Error("invalid_options", message);

const isObject = (value: unknown): value is object => value === Object(value) && !Array.isArray(value);

/**
 * Checks an input. A member that is null counts as absent: some models must name all.
 *
 * @throws {L402Error} `invalid_options`, naming what does not fit the schema
 */
export function readInput(input: unknown, { properties, required }: InputSchema): Input {
  const given = Object.entries(isObject(input) ? input : {}).filter(([, value]) => value != null);
  const wrong = given.find(([key]) => !Object.hasOwn(properties, key));
  if (wrong) throw invalid(`${wrong[0]} is not known, but ${Object.keys(properties).join(", ")}`);
  for (const [key, value] of given) {
    const schema = properties[key] as InputSchema["properties"][string];
    if (!fits(value, schema)) throw invalid(`${key} must be ${JSON.stringify(schema)}`);
  }
  const read = Object.fromEntries(given);
  for (const key of required) if (!(key in read)) throw invalid(`${key} is missing`);
  return read;
}

function fits(value: unknown, { type, enum: allowed, minimum = 0, maximum = 0 }: InputSchema["properties"][string]) {
  if (type === "string") return typeof value === type && (allowed?.includes(value as string) ?? true);
  if (type === "integer")
    return Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
  return isObject(value) && Object.values(value).every((text) => typeof text === "string");
}

/**
 * The request of an input.
 *
 * @throws {L402Error} `invalid_options`
 */
export function readRequest({ url, method = "GET", headers = {}, body }: Input): Asked {
  if (body !== undefined && /^[GH]E/.test(method as string)) throw invalid(`${method} takes no body`);
  for (const [name, value] of Object.entries(headers as Asked["init"]["headers"])) {
    if (FORBIDDEN.test(name)) throw invalid(`the header ${name} is not yours to set`);
    // `Headers` forgives a line break at an end.
    if (/[\0\r\n]/.test(value)) throw invalid(`the header ${name} holds a line break`);
  }
  try {
    const init = {
      method,
      headers: Object.fromEntries(new Headers(headers as HeadersInit)),
      ...(body != null && { body }),
    };
    return { url: new URL(url as string), init: init as Asked["init"] };
  } catch {
    throw invalid("url must be absolute, and headers such as HTTP allows");
  }
}
