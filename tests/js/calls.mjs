// Calls in the form that the core gets.
import { sendAgain } from "../../src/js/core/repeat.js";
import { readRequest } from "../../src/js/core/request.js";

/**
 * What `readRequest` makes of a fetch's arguments where the core is there; with the core's `send`, which always gives a
 * promise.
 */
export function readCall(input, init, context) {
  const call = readRequest(input, init, { ...context, client: { sendAgain } });
  return Object.assign(call, { send: async (...args) => call.sent(...args) });
}
