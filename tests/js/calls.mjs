// Calls in the form that the core gets.
import { sendAgain } from "../../src/js/core/repeat.js";
import { Call } from "../../src/js/core/request.js";

/**
 * A call of a fetch with these arguments where the core is there; with the core's `send`, which always gives a promise.
 */
export function readCall(input, init, context) {
  const call = new Call(input, init, { ...context, client: { sendAgain } });
  return Object.assign(call, {
    send: async (authorization, ...args) =>
      call.sent(authorization === undefined ? undefined : { field: "authorization", value: authorization }, ...args),
  });
}
