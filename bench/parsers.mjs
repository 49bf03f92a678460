// What strangers send, decoded by everybody.

/** As `bolt11` wants to be told of it. */
const REGTEST = { bech32: "bcrt", pubKeyHash: 0x6f, scriptHash: 0xc4, validWitnessVersions: [0, 1] };

/** Ours may be asked for a promise only; the peers answer at once. */
export function parsers({ ours, alby, light, bolt11, macaroon, invoices, headers, tokens }) {
  const each = (list, read) => async () => {
    for (const text of list) await read(text);
  };
  return {
    [`${invoices.length} invoices of lnd`]: [
      ["light-bolt11-decoder", each(invoices, (text) => light.decode(text))],
      // it wants Node's own modules
      ...(bolt11
        ? [["bolt11, which checks the signature, too", each(invoices, (text) => bolt11.decode(text, REGTEST))]]
        : []),
      ["@getalby/lightning-tools decodeInvoice", each(invoices, (text) => alby.decodeInvoice(text))],
      ["l402-fetch decodeInvoice", each(invoices, ours.decodeInvoice)],
    ],
    [`${headers.length} challenge headers of aperture`]: [
      ["@getalby/lightning-tools parseL402", each(headers, (text) => alby.parseL402(text))],
      ["l402-fetch parseChallenges", each(headers, ours.parseChallenges)],
    ],
    [`${tokens.length} macaroons of aperture`]: [
      ["macaroon importMacaroon", each(tokens, (text) => macaroon.importMacaroon(macaroon.base64ToBytes(text)))],
      ["l402-fetch decodeMacaroon", each(tokens, ours.decodeMacaroon)],
    ],
  };
}
