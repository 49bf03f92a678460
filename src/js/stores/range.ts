import type { ListOptions } from "./rows.js";

/** The keys from `from` (without it where it is `open`) up to and without `to`. */
export interface Range {
  from: string;
  open: boolean;
  to: string;
}

/** Above every key: keys are ASCII. It is the same by UTF-16 unit, by code point and by byte of UTF-8. */
const TOP = "\x80";

/** Which keys a `list` asks for; undefined where there can be none. */
export function rangeOf(prefix: string, { after, reverse }: ListOptions): Range | undefined {
  const last = prefix.length - 1;
  const end = prefix === "" ? TOP : prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
  const range = { from: prefix, open: false, to: end };
  if (after !== undefined) {
    if (reverse && after < end) range.to = after;
    if (!reverse && after >= prefix) Object.assign(range, { from: after, open: true });
  }
  return range.from < range.to ? range : undefined;
}
