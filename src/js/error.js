/**
 * The one error class of the package. `code` is stable and meant for programs, the message is for people and may change.
 * Optional properties exist only where they were given, so that `"payment" in error` can be relied on.
 */
export class L402Error extends Error {
  /**
   * @param {import("./index.d.ts").ErrorCode} code
   * @param {string} message lower-case, says what is wrong and what to do, holds no secret
   * @param {{ cause?: unknown, response?: Response, payment?: import("./index.d.ts").Payment, quote?: import("./index.d.ts").Quote }} [details]
   *   `cause` is kept by identity, also where it is undefined: wallets throw anything
   */
  constructor(code, message, details = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    const moneyMoved = code === "request_failed" ? "yes" : /unknown|preimage/.test(code) ? "maybe" : "no";
    const { response, payment, quote } = details;
    for (const [key, value] of Object.entries({ code, moneyMoved, response, payment, quote })) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  // Not the class's own name: minifiers rename classes.
  get name() {
    return "L402Error";
  }
}

export function loadFailed(text, cause) {
  return new L402Error("load_failed", text, { cause });
}
