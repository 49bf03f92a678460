// What the wallet modules tell the core of a wallet beyond its public members, and of an error beyond its text, is kept under
// this key: it survives a copy of the object, and a second copy of this package. Not part of the public surface.
//
// - of a wallet `{ finds?, errorMs?, sentMs? }`. `finds`: it has a record of every payment that it has begun, so that one which it
//   does not find was not begun. For so many milliseconds from its error, or from when an order was sent, what nothing shows may
//   still come
// - of an error of its `pay` "known" where it said that it has the payment, "ended" where it is done with the order and begins no
//   further attempt
export const RECORDS: unique symbol = Symbol.for("l402-fetch/records");

/** A short name for what is told by a longer text (FNV-1a, 32 bits): too short to give anything of a secret away. */
export function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
