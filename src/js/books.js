import { L402Error } from "./error.js";

// What the core's books can be asked.
const [PAYMENTS, SPENT, READ_TOKENS, FORGET, RESOLVE] = [0, 1, 2, 3, 4];

/** What a caller asks of the core's books, and what is told. */
export function booksOf(core) {
  async function ask(question, subject, preimage) {
    const told = await core.books(question, subject, preimage);
    return told && JSON.parse(told);
  }

  return {
    readTokens: () => ask(READ_TOKENS),
    payments: () => ask(PAYMENTS),
    spent: async (origin) => ask(SPENT, readOrigin(origin)),
    forget: async (origin) => ask(FORGET, readOrigin(origin)),
    async resolve(paymentHash, outcome) {
      const preimage = outcome === "failed" ? undefined : outcome?.preimage;
      if (typeof paymentHash !== "string") throw invalid("paymentHash must be a string of 64 hex digits");
      if (outcome !== "failed" && typeof preimage !== "string") throw invalid('outcome must be "failed" or { preimage }');
      return ask(RESOLVE, paymentHash, preimage);
    },
  };
}

const invalid = (message) => new L402Error("invalid_options", message);

function readOrigin(origin) {
  if (origin === undefined) return undefined;
  try {
    return new URL(origin).href;
  } catch {
    throw invalid("origin must be an absolute url");
  }
}
