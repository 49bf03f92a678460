/**
 * Under this key the wallet modules tell the core more than the public members of a wallet or an error do. As a
 * registered symbol it survives a copy of the object, and a second copy of this package. It is not public.
 *
 * - A wallet has `{ finds?, errorMs?, sentMs? }`. `finds`: the wallet has a record of every payment that it has begun,
 *   so a payment that it does not find was not begun. `errorMs`, `sentMs`: for so many milliseconds after its error, or
 *   after an order was sent, a payment may still come that no lookup shows.
 * - An error of `pay` has "known" if the wallet said that it has the payment, and "ended" if the wallet is done with
 *   the order and begins no further attempt.
 */
export const RECORDS: unique symbol = Symbol.for("l402-fetch/records");

/** A short name for a longer text (FNV-1a, 32 bits). It is too short to give a secret away. */
export function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
