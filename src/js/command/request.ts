// A request, from curl's own letters.
import { readFileSync } from "node:fs";
import type { Flags } from "./flags.js";
import { usage } from "./exit.js";
import { VERSION } from "./version.js";

/** The address and the settings for `fetch`. */
export function requestOf(address: string, flags: Flags): { url: string; init: RequestInit } {
  const url = addressOf(address);
  const headers = new Headers({ accept: "*/*", "user-agent": `l402-fetch/${VERSION}` });
  const body = bodyOf(flags);
  if (body !== undefined) headers.set("content-type", "application/x-www-form-urlencoded");
  setHeaders(headers, flags.header ?? []);
  const init: RequestInit = { method: flags.request ?? (body === undefined ? "GET" : "POST"), headers };
  if (body !== undefined) init.body = body;
  try {
    new Request(url, init);
  } catch (error) {
    throw usage((error as Error).message);
  }
  return { url, init };
}

function addressOf(text: string) {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw usage(`${text} is no url`);
  }
  if (!/^https?:$/.test(url.protocol)) throw usage(`${url.protocol}// can't be fetched: give it an https:// url`);
  if (url.username || url.password)
    throw usage("the url holds a user or a password: give them with -H 'Authorization: …', and then nothing is paid");
  return url.href;
}

/** As in curl: `Name: value`, `Name;` for an empty value, `Name:` to leave a header out. The last of a name counts. */
function setHeaders(headers: Headers, given: string[]) {
  for (const line of given) {
    const [, name = "", sign, value = ""] = /^([^:;]+)([:;])\s*(.*)$/s.exec(line) ?? [];
    if (!name || (sign === ";" && value)) throw usage(`-H wants 'Name: value'`);
    try {
      if (sign === ":" && !value) headers.delete(name);
      else headers.set(name, value);
    } catch {
      // The value may be a secret.
      throw usage(`-H ${JSON.stringify(name)}: this name or its value can't stand in a header`);
    }
  }
}

/** As in curl: pieces are joined by `&`, and a file that is read for `-d` loses its line ends. */
function bodyOf({ data, "data-binary": binary }: Flags): Uint8Array<ArrayBuffer> | undefined {
  if (data && binary !== undefined) throw usage("there are both -d and --data-binary: one is enough");
  if (binary !== undefined) return piece(binary, "--data-binary");
  if (!data) return undefined;
  const pieces = data.map((text) => {
    const bytes = piece(text, "-d");
    return text.startsWith("@") ? bytes.filter((byte) => byte !== 10 && byte !== 13 && byte !== 0) : bytes;
  });
  return Buffer.concat(pieces.flatMap((bytes, index) => (index > 0 ? [Buffer.from("&"), bytes] : [bytes])));
}

function piece(text: string, option: string): Uint8Array<ArrayBuffer> {
  if (!text.startsWith("@")) return Buffer.from(text);
  const path = text.slice(1);
  try {
    return new Uint8Array(readFileSync(path === "-" ? 0 : path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usage(`${option}: can't read ${path === "-" ? "standard input" : path} (${code})`);
  }
}
