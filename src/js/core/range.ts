import type { ListOptions } from "./store.js";

/** The keys from `from` to `to`. `to` is not part of the range, and nor is `from` if the range is `open`. */
export interface Range {
  from: string;
  open: boolean;
  to: string;
}

/** Above every key: keys are ASCII. It is the same by UTF-16 unit, by code point and by byte of UTF-8. */
const TOP = "\x80";

/** The range of keys that a `list` asks for. Undefined if the range is empty. */
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
