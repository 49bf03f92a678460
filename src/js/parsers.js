import { L402Error } from "./error.js";

/** The core's parsers, by the names that users know them by. */
export function parsersOf(parse) {
  // The bindings would misread what is no string.
  const parser =
    (name, code, kind, read = JSON.parse) =>
    (text, caveats = "") => {
      if (typeof text !== "string")
        throw new L402Error(code, `${name} takes a string, not ${text === null ? "null" : typeof text}`);
      try {
        return read(parse(kind, text, caveats));
      } catch (error) {
        throw Array.isArray(error) ? new L402Error(...error) : error;
      }
    };
  const attenuate = parser("attenuateMacaroon", "invalid_macaroon", 3, String);
  return {
    parseChallenges: parser("parseChallenges", "invalid_challenge", 0),
    decodeInvoice: parser("decodeInvoice", "invalid_invoice", 1),
    decodeMacaroon: parser("decodeMacaroon", "invalid_macaroon", 2),
    attenuateMacaroon(token, caveats) {
      if (!Array.isArray(caveats) || !Array.from(caveats).every((caveat) => typeof caveat === "string")) {
        throw new L402Error("invalid_macaroon", "caveats must be an array of strings");
      }
      return attenuate(token, JSON.stringify(caveats));
    },
  };
}
