/** The start of a text that was written as JSON. */
const MARK = "\x01";

/** Characters that databases with UTF-8 can't hold: halves of surrogate pairs, and U+0000 in PostgreSQL. */
const UNUSUAL = /[\0\p{Surrogate}]|^\x01/u;

/** Turns any text into one that every database can hold. Only texts with such characters change. */
export const toText = (value: string): string => (UNUSUAL.test(value) ? MARK + JSON.stringify(value) : value);

/** Turns it back. Throws if `toText` did not write it. */
export function fromText(text: string): string {
  return text.startsWith(MARK) ? JSON.parse(text.slice(1)) : text;
}
