/** Begins what was written as JSON. */
const MARK = "\x01";

/** What databases that keep UTF-8 can't hold: halves of characters, and U+0000 in PostgreSQL. */
const UNUSUAL = /[\0\p{Surrogate}]|^\x01/u;

/** Any text as one that every database can hold: the same, but for texts with characters that are hardly ever met. */
export const toText = (value: string): string => (UNUSUAL.test(value) ? MARK + JSON.stringify(value) : value);

/** The other way round. Throws where a text was not written by `toText`. */
export function fromText(text: string): string {
  return text.startsWith(MARK) ? JSON.parse(text.slice(1)) : text;
}
